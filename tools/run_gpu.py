#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what ./dev gpu --build packed, on a machine with a GPU, its driver and Python, within nine minutes.

    run_gpu.py [--seconds S] [--peers] [--only GROUP,...] [--python PYTHON] [--out FOLDER]

In this order: device, probes (what the driver does where fuse relies on it), tests, benchmarks (PyTorch's eager calls
beside them, where PYTHON, else $FUSE_BENCH_PYTHON, else python3 has it), sanitizers and counters (where the machine
has compute-sanitizer and ncu). --peers measures torch.compile too, which takes minutes, and leaves out all but the
device and the benchmarks. Each step is a process group of its own with a time of its own. Everything is in FOLDER,
else in $OUT, else in gpu_results beside this archive, the moment it is known: summary.txt, results.json
(for bench/results), probes.txt, tests.txt, benchmarks.txt, tools.txt. What an earlier run left there is moved into
FOLDER/before-1, or the next number that is free.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import sys
import time

import bounded_process
import gpu_steps
from gpu_report import Report

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
import report as tables  # noqa: E402
import run_benchmarks  # noqa: E402

DOCTEST = re.compile(r"\[doctest\] test cases: +\d+ \| +(\d+) passed \| +(\d+) failed")
AT_THE_END, LEAST = 8, 3  # seconds kept for ending, and below which nothing is begun


class Interrupted(Exception):
    """Whoever started this wants it to end."""


class Budget:
    """Seconds of the whole, and of each group, what it takes to find its steps among them."""

    def __init__(self, begin, seconds, groups):
        self.end, self.groups, self.spent = begin + seconds - AT_THE_END, groups, {}

    def allow(self, step):
        """(seconds, "") or (0, why not)"""
        whole = self.end - time.monotonic()
        group = self.groups[step.group] - self.spent.get(step.group, 0)
        if whole < LEAST:
            return 0, "no time is left"
        if group < LEAST:
            return 0, f"the {self.groups[step.group]:.0f} s of {step.group} are used up"
        return min(step.seconds, whole, group), ""

    def spend(self, group, seconds):
        self.spent[group] = self.spent.get(group, 0) + seconds


# ---- what an output says: (verdict, note), and what of it goes into the results ----


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:160] if lines else ""


def judge_program(ended, step, results):
    return ended.verdict, "" if ended.verdict == "passed" else last_line(ended.output)


def judge_probe(ended, step, results):
    answers = [line for line in ended.output.splitlines() if line.strip()]
    results.setdefault("probes", {})[step.name] = answers
    surprises = [line[13:] for line in answers if line.startswith(("OTHERWISE", "not asked"))]  # past the column
    if ended.verdict == "passed":
        return "passed", f"{sum(line.startswith('as expected') for line in answers)} as expected"
    return ended.verdict, "; ".join(surprises)[:300] or last_line(ended.output)


def judge_answers(ended, step, results):
    answers = [line for line in ended.output.splitlines() if line.startswith("measured")]
    results.setdefault("peers", {})[step.name] = answers
    return ended.verdict, f"{len(answers)} measured" if answers else last_line(ended.output)


def judge_tests(ended, step, results):
    counted = DOCTEST.search(ended.output)
    passed, failed = map(int, counted.groups()) if counted else (0, 0)
    if ended.verdict == "passed" and passed == 0:
        return "failed", "it ran no test case"
    if counted:
        errors = [line.split("ERROR: ", 1)[1] for line in ended.output.splitlines() if "ERROR: " in line]
        return ended.verdict, f"{passed} passed, {failed} failed" + (f"; {errors[0][:160]}" if errors else "")
    return ended.verdict, last_line(ended.output)


def take_json(path):
    """What a step wrote, if it could; the file is not kept."""
    try:
        value = json.loads(path.read_text())
        path.unlink()
        return value
    except (OSError, ValueError):
        return None


def judge_benchmarks(ended, step, results):
    measured = take_json(step.produces)
    if not measured or not measured["programs"]:
        said = [line for line in ended.output.splitlines() if line.startswith(f"{step.name}:")]
        return ("failed" if ended.verdict == "passed" else ended.verdict), last_line("\n".join(said) or ended.output)
    into = results.setdefault("benchmarks", {**measured, "programs": {}})
    into["machine"].update({key: results[key] for key in ("gpu", "driver") if key in results})
    into["programs"].update(measured["programs"])
    works = {name.rsplit("/", 1)[0] for one in measured["programs"].values() for name in one["benchmarks"]}
    return ended.verdict, f"{len(works)} works measured"


def judge_counters(ended, step, results):
    rows = take_json(step.produces)
    if rows:
        results.setdefault("counters", {})[step.name] = rows
    return ended.verdict, f"{len(rows)} counters compared" if rows else last_line(ended.output)


JUDGES = {"program": judge_program, "probe": judge_probe, "answers": judge_answers, "tests": judge_tests,
          "benchmarks": judge_benchmarks, "counters": judge_counters}


# ---- steps ----


def judge(ended, step, report):
    try:
        verdict, note = JUDGES[step.kind](ended, step, report.results)
    except (ValueError, KeyError, TypeError, OSError) as why:  # an output like no other is a line, not the end
        verdict, note = "failed", f"its output is not understood: {why!r}"
    report.add(step.group, step.name, verdict, ended.seconds, "; ".join(filter(None, (ended.why, note))))


def run_step(step, budget, report):
    seconds, why_not = budget.allow(step)
    if step.missing or why_not:
        report.add(step.group, step.name, "skipped", 0, step.missing or why_not)
        return
    command = [f"{max(1, seconds - 3):.0f}" if c is gpu_steps.SECONDS else c for c in step.command]
    log = report.folder / gpu_steps.LOGS[step.group]
    with open(log, "a") as file:
        file.write(f"\n=== {step.group}: {step.name}: {' '.join(map(str, command))}\n")
    begin = time.monotonic()
    try:
        ended = bounded_process.run(command, seconds, log=log)
    except Interrupted:
        took = time.monotonic() - begin
        judge(bounded_process.Ended("timed out", "this run was told to end", took, ""), step, report)
        raise
    budget.spend(step.group, ended.seconds)
    judge(ended, step, report)


def gpu_of_this_machine():
    fields = ("name", "driver_version", "memory.total", "clocks.max.sm", "clocks.max.memory")
    smi = gpu_steps.find_tool("nvidia-smi")
    if not smi:
        return {}
    asked = bounded_process.run([smi, f"--query-gpu={','.join(fields)}", "--format=csv,noheader"], 10)
    first = asked.output.splitlines()[:1]
    values = [v.strip() for v in first[0].split(",")] if asked.verdict == "passed" and first else []
    if len(values) != len(fields):
        return {}
    about = dict(zip(fields, values))
    return {"gpu": about.pop("name"), "driver": about.pop("driver_version"), "device": about}


def questions_of(root):
    listed = bounded_process.run([root / "bin" / "probe", "list"], 10)
    return listed.output.split() if listed.verdict == "passed" else ["list"]


def benchmark_steps(options, root, out, programs):
    if options.peers:
        return gpu_steps.benchmark_steps(root, out, programs, True, options.python, options.seconds)
    measured = gpu_steps.benchmark_steps(root, out, programs, False, options.python)
    python, missing = run_benchmarks.python_with_torch(options.python)
    llama = gpu_steps.llama_steps(root) if "llama" in programs else []
    return [*llama, *measured, *gpu_steps.peer_steps(root, python, missing)]


def steps_of(options, root, out, built, budget):
    """One by one: what a group has is asked when its turn comes, and in its time."""
    groups = options.only or (["device", "benchmarks"] if options.peers else list(gpu_steps.GROUPS))
    programs = built["programs"]
    makers = {"device": gpu_steps.device_steps,
              "probes": lambda: gpu_steps.probe_steps(root, questions_of(root)),
              "tests": lambda: gpu_steps.test_steps(root, programs),
              "benchmarks": lambda: benchmark_steps(options, root, out, programs),
              "sanitizers": lambda: gpu_steps.sanitizer_steps(root),
              "counters": lambda: gpu_steps.counter_steps(root, out)}
    for group in gpu_steps.GROUPS:
        if group in groups:
            begin = time.monotonic()
            steps = makers[group]()
            budget.spend(group, time.monotonic() - begin)
            yield from steps


def show(results):
    """What is worth reading without opening a file."""
    for name, answers in {**results.get("probes", {}), **results.get("peers", {})}.items():
        worth = [a for a in answers if not a.startswith("as expected")]
        if worth:
            print(f"\n{name}", *worth, sep="\n  ")
    measured = results.get("benchmarks", {})
    for program in measured.get("programs", {}):
        print("\n" + tables.screen(measured, program))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=540, help="after which it has ended (default 540)")
    parser.add_argument("--peers", action="store_true", help="torch.compile too: device and benchmarks alone")
    parser.add_argument("--only", type=lambda text: text.split(","), help=", ".join(gpu_steps.GROUPS))
    parser.add_argument("--python", help="a Python interpreter with torch")
    parser.add_argument("--out", type=pathlib.Path, help="where results are written")
    options = parser.parse_args()
    unknown = set(options.only or ()) - set(gpu_steps.GROUPS)
    if unknown:
        parser.error(f"--only {','.join(sorted(unknown))}: expected some of {', '.join(gpu_steps.GROUPS)}")
    return options


def on_signals(handler):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, handler)


def interrupt(number, frame):
    on_signals(signal.SIG_IGN)  # a second one must not cut short how this ends
    raise Interrupted


def run_steps(options, built, out, budget, report):
    begin = time.monotonic()
    report.results.update(gpu_of_this_machine())
    budget.spend("device", time.monotonic() - begin)
    report.say(f"{report.results.get('gpu', 'nvidia-smi finds no GPU')}; built from commit {built['commit']}")
    for step in steps_of(options, ROOT, out, built, budget):
        run_step(step, budget, report)


def main():
    begin = time.monotonic()
    options = parse()
    built = json.loads((ROOT / "built.json").read_text())
    out = (options.out or pathlib.Path(os.environ.get("OUT") or ROOT.parent / "gpu_results")).resolve()
    report = Report(out, {"built": built}, begin)
    for log in {*gpu_steps.LOGS.values()}:
        (out / log).write_text("")
    for program in (ROOT / "bin").iterdir():
        program.chmod(0o755)  # which a transfer may lose
    groups = {**gpu_steps.GROUPS, **({"benchmarks": options.seconds} if options.peers else {})}
    budget = Budget(begin, options.seconds, groups)
    try:
        on_signals(interrupt)
        run_steps(options, built, out, budget, report)
        on_signals(signal.SIG_IGN)
    except Interrupted:
        report.say("told to end: what is known is kept")
    show(report.results)
    return 0 if report.finish() else 1


if __name__ == "__main__":
    sys.exit(main())

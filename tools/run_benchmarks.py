#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmark programs of a directory, and the same work through PyTorch where it is installed: one table.

    run_benchmarks.py DIRECTORY [--json FILE] [--programs GLOB] [--rounds N] [--filter REGEX] [--seconds S]
                      [--python PYTHON] [--peers none|eager|compiled] [GOOGLE BENCHMARK OPTION...]

Works take turns: in each round every work runs eager, fused and through PyTorch before the next one does. PyTorch is
that of PYTHON, else of $FUSE_BENCH_PYTHON, else of python3; `compiled` is eager and torch.compile. FILE is complete
after every work; what hangs or crashes costs itself.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

import bounded_process

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
import report  # noqa: E402

NOTHING_TO_RUN_ON = 77
LAST_WORDS = 4096  # bytes in which the last line of what PyTorch printed is looked for
PEER_SECONDS = 0.5  # of each measurement
PROBE_SECONDS = 20  # that a Python gets to say whether it has torch
# The largest difference to PyTorch's eager result, beside the largest element.
ALLOWED = {"f32": 1e-5, "bf16": 2.0**-5}
# What is kept of every repetition, and the counter that has it.
SAMPLES = {"seconds": "median_seconds", "bytes_per_second": "bytes_per_second",
           "copy_bytes_per_second": "copy_bytes_per_second", "times_quiet": "times_quiet"}
NOTHING_LIKE_IT = ("_graphs", "_neighbour")  # programs of which PyTorch has no like
# The peer keeps the memory it has, in large pages, as fuse's executor does: else it would mostly wait for new pages.
PEER_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "THP_MEM_ALLOC_ENABLE": "1"}


def say(text):
    print(text, flush=True)


def programs(directory, name="bench_*"):
    found = sorted(p for p in directory.glob(name) if p.is_file() and os.access(p, os.X_OK))
    return [p for p in found if not p.name.endswith("_simulated")]


# ---- PyTorch ----


class Peer:
    """PyTorch in a process of its own, asked line by line."""

    def __init__(self, plan, device, threads):
        command = [plan.python, str(ROOT / "bench" / "peers" / "pytorch.py"), "--device", device, "--threads",
                   str(threads), *(["--compile"] if plan.compiled else [])]
        self.plan = plan
        self.said = tempfile.TemporaryFile()
        self.process = bounded_process.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                             stderr=self.said, env={**PEER_MEMORY, **os.environ})

    def error(self, text):
        """No more answers are to be had. The last line that it printed tells why, where one does."""
        bounded_process.end_group(self.process)
        self.said.seek(max(0, self.said.seek(0, os.SEEK_END) - LAST_WORDS))
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        return {"error": text + (f": {lines[-1].strip()}" if lines else "")}

    def ask(self, what, **arguments):
        """The answer; one with an "error" where there is none in time, and no more are to be had then."""
        try:
            self.process.stdin.write((json.dumps({"do": what, **arguments}) + "\n").encode())
            self.process.stdin.flush()
        except OSError:
            return self.error("PyTorch has ended")
        line, end = b"", time.monotonic() + self.plan.allowed()
        while not line.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                return self.error(f"PyTorch gave no answer in time to {what}")
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return self.error("PyTorch has ended")
            line += data
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):  # nor is it known to what the next line would be the answer
            return self.error(f"PyTorch answered {line[:80].decode(errors='replace')!r} to {what}")
        return answer

    def close(self):
        self.process.stdin.close()
        bounded_process.end_group(self.process)
        self.process.stdout.close()
        self.said.close()


def python_with_torch(named):
    """(interpreter, None) or (None, why not)."""
    python = named or os.environ.get("FUSE_BENCH_PYTHON") or "python3"
    if not shutil.which(python):
        return None, f"{python} is not there"
    probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    asked = bounded_process.run([python, "-c", probe], PROBE_SECONDS)
    if asked.verdict == "timed out":
        return None, f"{python} does not say within {PROBE_SECONDS} s whether it has torch"
    if asked.verdict != "passed":
        return None, f"{python} has no torch; name one that has by --python or FUSE_BENCH_PYTHON"
    return python, None


def check_results(directory, peer, plan):
    """PyTorch's eager results against those of our host executor, on small shapes. {work/dtype: difference}"""
    small = {**os.environ, "FUSE_BENCH_DIVIDE": "32"}
    with tempfile.TemporaryDirectory() as scratch:
        done = bounded_process.run([directory / "bench_host", "--dump", scratch], plan.allowed(),
                                   environment=small)
        if done.verdict != "passed":
            raise RuntimeError(f"bench_host --dump {done.verdict}: {done.why}\n{done.output}")
        return peer.ask("check", directory=scratch)


# ---- one program ----


def groups_of(program, plan):
    """Benchmarks that belong together, {work/dtype: its benchmarks}; None: nothing to run on here; text: an error."""
    listed = bounded_process.run([program, "--benchmark_list_tests"], plan.allowed())
    if listed.verdict != "passed":
        say(f"{program.name}: {listed.output.strip() or listed.why}")
        return None if listed.why == f"status {NOTHING_TO_RUN_ON}" else {}
    groups = {}
    for name in listed.output.splitlines():
        name = name.removesuffix("/manual_time")
        if "/" in name and re.search(plan.wanted, name):
            groups.setdefault(name.rsplit("/", 1)[0], []).append(name)
    return groups


def measure(program, group, options, seconds):
    """{benchmark: its measurements} and the context, or None."""
    exact = re.sub(r"([.*+?()\[\]{}^$|\\])", r"\\\1", group)
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch) / "out.json"
        command = [str(program), "--benchmark_repetitions=3", *options, f"--benchmark_filter=^{exact}/",
                   f"--benchmark_out={output}", "--benchmark_out_format=json"]
        done = bounded_process.run(command, seconds)
        text = output.read_text() if output.exists() else ""
    if done.verdict != "passed" or not text.strip():
        say(f"{done.output}\n{program.name}: {group} {done.verdict} {done.why}")
        return None
    found = json.loads(text)
    samples = {}
    for b in found["benchmarks"]:
        if b.get("run_type") == "aggregate":
            continue
        name = b["run_name"].removesuffix("/manual_time")
        if "error_message" in b:
            say(f"{name}: {b['error_message']}")
            return None
        one = samples.setdefault(name, {})
        for key, counter in SAMPLES.items():
            if counter in b:
                one.setdefault(key, []).append(b[counter])
        one["kernels"] = round(b["kernels"])
    context = {k: found["context"][k] for k in ("executor", "threads", "compiler", "copy", "device", "driver_cuda",
                                                "toolkit", "divide") if k in found["context"]}
    return samples, context


def join(into, samples):
    for name, one in samples.items():
        known = into.setdefault(name, {})
        for key, value in one.items():
            known[key] = known.get(key, []) + value if isinstance(value, list) else value


def start_peer(program, peer, result):
    """Works whose results are not those of the peer, {work/dtype: difference}; what is known of it goes into the
    result. None where it cannot be asked."""
    about = peer.ask("about")
    if "error" in about:
        result["peer"] = {"missing": about["error"]}
        return None
    result["peer"] = about
    checked = check_results(program.parent, peer, peer.plan)
    differences = checked.get("differences", {})
    if "error" in checked or not differences:
        raise RuntimeError(f"PyTorch's results are not compared: {checked.get('error', 'there are none')}")
    result["peer"]["differences"] = {name: float(f"{d:.1e}") for name, d in differences.items()}
    wrong = {name: d for name, d in differences.items() if not d <= ALLOWED[name.rsplit("/", 1)[1]]}
    for dtype in ALLOWED:
        right = [d for name, d in differences.items() if name.endswith("/" + dtype) and name not in wrong]
        if right:
            say(f"results agree with PyTorch {about['torch']}, {dtype}: largest relative difference {max(right):.0e}")
    return wrong


class Plan:
    """How much is measured: what the command line asks for."""

    def __init__(self, options, benchmark_options):
        self.rounds, self.wanted, self.options = options.rounds, options.filter, benchmark_options
        self.until = time.monotonic() + options.seconds if options.seconds else float("inf")
        self.work_seconds = options.work_seconds
        self.python, self.missing = (None, "left out") if options.peers == "none" else python_with_torch(options.python)
        self.compiled = options.peers == "compiled"

    def left(self):
        return self.until - time.monotonic()

    def allowed(self):
        """Seconds that what begins now may take."""
        return max(0, min(self.work_seconds, self.left()))


def open_peer(program, plan, result):
    """(peer or None, works that it is not asked for, whether all is well)"""
    if not plan.python or program.name.endswith(NOTHING_LIKE_IT):
        return None, set(), True
    device = "cuda" if program.name.startswith("bench_cuda") else "cpu"
    threads = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()
    peer = Peer(plan, device, threads)
    try:
        wrong = start_peer(program, peer, result)
    except (RuntimeError, OSError) as failure:
        say(f"FAILED  {failure}")
        peer.close()
        return None, set(), False
    if wrong is None:
        peer.close()
        return None, set(), True
    for name, difference in wrong.items():
        say(f"FAILED  {name}: PyTorch's result is not ours, relative difference {difference:.1e}")
    return peer, set(wrong), not wrong


def measure_peer(peer, group, into, first):
    """False where the peer cannot run it."""
    work, dtype = group.rsplit("/", 1)
    answer = peer.ask("prepare", work=work, dtype=dtype) if first else {}
    times = answer if "error" in answer else peer.ask("measure", work=work, dtype=dtype, seconds=PEER_SECONDS)
    if "error" in times:
        say(f"PyTorch cannot run {group}: {times['error']}")
        return False
    join(into, {f"{group}/torch {how}": {"seconds": seconds} for how, seconds in times.items()})
    return True


def run_program(program, plan, results, save):
    """Adds to the results what was measured, and says whether all of it worked."""
    groups = groups_of(program, plan)
    if groups is None:  # nothing to run on
        return True
    result = {"context": {}, "benchmarks": {}}
    results["programs"][program.name] = result
    peer, without_peer, good = open_peer(program, plan, result) if groups else (None, set(), False)
    if plan.missing:
        result["peer"] = {"missing": plan.missing}
    for turn in range(plan.rounds):
        for i, group in enumerate(groups):
            if plan.left() < 5:
                say(f"no time left for {group}")
                good = False
                continue
            say(f"[{turn * len(groups) + i + 1}/{plan.rounds * len(groups)}] {program.name}: {group}")
            measured = measure(program, group, plan.options, plan.allowed())
            if measured is None:
                good = False
                continue
            join(result["benchmarks"], measured[0])
            result["context"] = measured[1]
            if peer and group not in without_peer and not measure_peer(peer, group, result["benchmarks"], turn == 0):
                without_peer.add(group)
            save()
    if peer:
        peer.close()
    return good


# ---- all of them ----


def machine():
    processor = platform.machine()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {"processor": processor, "cores": os.cpu_count()}


def commit():
    """What was measured: the commit, with a + where tracked files differ from it."""
    built = ROOT / "built.json"  # what ./dev gpu --build says of what it packed
    if built.exists():
        return json.loads(built.read_text())["commit"]
    def git(*command):
        return subprocess.run(["git", "-C", str(ROOT), *command], capture_output=True, text=True).stdout.strip()
    try:
        changed = git("status", "--porcelain", "-uno", "include", "bench")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except OSError:
        return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--programs", default="bench_*", help="which programs of the directory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filter", "--benchmark_filter", default="", help="only benchmarks work/dtype/mode that match")
    parser.add_argument("--seconds", type=float, help="after which nothing is begun, and what runs is ended")
    parser.add_argument("--work-seconds", type=float, default=600, help="of a work, or of an answer of PyTorch")
    parser.add_argument("--python", help="a Python interpreter with torch")
    parser.add_argument("--peers", choices=("none", "eager", "compiled"), default="compiled")
    options, rest = parser.parse_known_args()
    plan = Plan(options, rest)
    if plan.missing:
        say(f"PyTorch: {plan.missing}")
    results, failed = {"machine": machine(), "commit": commit(), "programs": {}}, []

    def save():
        if options.json:
            scratch = options.json.with_suffix(".new")  # whoever reads or kills finds a whole file
            scratch.write_text(json.dumps(results, indent=1) + "\n")
            os.replace(scratch, options.json)

    for program in programs(options.directory, options.programs):
        if not run_program(program, plan, results, save):
            failed.append(program.name)
        save()
    for program in results["programs"]:
        say("\n" + report.screen(results, program))
    for name in failed:
        say(f"FAILED  {name}")
    if not results["programs"] and not failed:
        say(f"no benchmark to run in {options.directory}")
    return 1 if failed or not results["programs"] else 0


if __name__ == "__main__":
    sys.exit(main())

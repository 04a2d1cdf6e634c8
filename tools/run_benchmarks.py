#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmark programs of a directory, and the same work through PyTorch where it is installed: one table.

    run_benchmarks.py DIRECTORY [--json FILE] [--rounds N] [--filter REGEX] [--python PYTHON | --no-peers]
                      [GOOGLE BENCHMARK OPTION...]

Works take turns: in each round every work runs eager, fused and through PyTorch before the next one does. PyTorch is
that of PYTHON, else of $FUSE_BENCH_PYTHON, else of python3.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
import report  # noqa: E402

NOTHING_TO_RUN_ON = 77
PEER_SECONDS = 0.5  # of each measurement
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

    def __init__(self, python, device, threads):
        command = [python, str(ROOT / "bench" / "peers" / "pytorch.py"), "--device", device, "--threads", str(threads)]
        environment = {**PEER_MEMORY, **os.environ}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env=environment)

    def ask(self, what, **arguments):
        self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "PyTorch ended"}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def python_with_torch(named):
    """(interpreter, None) or (None, why not)."""
    python = named or os.environ.get("FUSE_BENCH_PYTHON") or "python3"
    if not shutil.which(python):
        return None, f"{python} is not there"
    probe = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True)
    if probe.returncode != 0:
        return None, f"{python} has no torch; name one that has by --python or FUSE_BENCH_PYTHON"
    return python, None


def check_results(directory, peer):
    """PyTorch's eager results against those of our host executor, on small shapes. {work/dtype: difference}"""
    small = {**os.environ, "FUSE_BENCH_DIVIDE": "32"}
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([str(directory / "bench_host"), "--dump", scratch], check=True, env=small)
        return peer.ask("check", directory=scratch)


# ---- one program ----


def groups_of(program, wanted):
    """Benchmarks that belong together, {work/dtype: its benchmarks}; None: nothing to run on here; text: an error."""
    listed = subprocess.run([str(program), "--benchmark_list_tests"], capture_output=True, text=True)
    if listed.returncode != 0:
        say(f"{program.name}: {listed.stderr.strip()}")
        return None if listed.returncode == NOTHING_TO_RUN_ON else {}
    groups = {}
    for name in listed.stdout.splitlines():
        name = name.removesuffix("/manual_time")
        if re.search(wanted, name):
            groups.setdefault(name.rsplit("/", 1)[0], []).append(name)
    return groups


def measure(program, group, options):
    """{benchmark: its measurements} and the context, or None."""
    exact = re.sub(r"([.*+?()\[\]{}^$|\\])", r"\\\1", group)
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch) / "out.json"
        command = [str(program), "--benchmark_repetitions=3", *options, f"--benchmark_filter=^{exact}/",
                   f"--benchmark_out={output}", "--benchmark_out_format=json"]
        done = subprocess.run(command, capture_output=True, text=True)
        text = output.read_text() if output.exists() else ""
    if done.returncode != 0 or not text.strip():
        say(done.stdout + done.stderr)
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
    context = {k: found["context"][k] for k in ("executor", "threads", "compiler", "copy", "device", "divide")
               if k in found["context"]}
    return samples, context


def join(into, samples):
    for name, one in samples.items():
        known = into.setdefault(name, {})
        for key, value in one.items():
            known[key] = known.get(key, []) + value if isinstance(value, list) else value


def start_peer(program, device, python, threads, result):
    """A peer whose results agree with ours, or None; what is known of it goes into the result."""
    peer = Peer(python, device, threads)
    about = peer.ask("about")
    if "error" in about:
        result["peer"] = {"missing": about["error"]}
        return None
    result["peer"] = about
    checked = check_results(program.parent, peer)
    differences = checked.get("differences", {})
    wrong = {name: d for name, d in differences.items() if not d <= ALLOWED[name.rsplit("/", 1)[1]]}
    if "error" in checked or wrong or not differences:
        why = checked.get("error") or wrong or "nothing to compare"
        raise RuntimeError(f"PyTorch's results are not ours: {why}")
    result["peer"]["differences"] = {name: float(f"{d:.1e}") for name, d in differences.items()}
    say(f"results agree with PyTorch {about['torch']}: largest relative difference "
        + ", ".join(f"{max(d for n, d in differences.items() if n.endswith('/' + t)):.0e} ({t})" for t in ALLOWED))
    return peer


def run_program(program, python, rounds, wanted, options):
    """What was measured, and whether all of it worked; None where there is nothing to run on."""
    groups = groups_of(program, wanted)
    if groups is None:
        return None, True
    result = {"context": {}, "benchmarks": {}}
    peer, good = None, bool(groups)
    device = "cuda" if program.name.startswith("bench_cuda") else "cpu"
    threads = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()
    if python and groups and not program.name.endswith(NOTHING_LIKE_IT):
        try:
            peer = start_peer(program, device, python, threads, result)
        except (RuntimeError, OSError, subprocess.CalledProcessError) as failure:
            say(f"FAILED  {failure}")
            good = False
    if peer:
        for i, group in enumerate(groups):
            say(f"[{i + 1}/{len(groups)}] torch.compile: {group}")
            work, dtype = group.rsplit("/", 1)
            answer = peer.ask("prepare", work=work, dtype=dtype)
            if "error" in answer:
                say(f"PyTorch cannot run {group}: {answer['error']}")
    for turn in range(rounds):
        for i, group in enumerate(groups):
            say(f"[{turn * len(groups) + i + 1}/{rounds * len(groups)}] {program.name}: {group}")
            measured = measure(program, group, options)
            if measured is None:
                good = False
                continue
            join(result["benchmarks"], measured[0])
            result["context"] = measured[1]
            if peer:
                work, dtype = group.rsplit("/", 1)
                times = peer.ask("measure", work=work, dtype=dtype, seconds=PEER_SECONDS)
                if "error" not in times:
                    join(result["benchmarks"], {f"{group}/torch {how}": {"seconds": s} for how, s in times.items()})
    if peer:
        peer.close()
    return result, good


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
    def git(*command):
        return subprocess.run(["git", "-C", str(ROOT), *command], capture_output=True, text=True).stdout.strip()
    try:
        changed = git("status", "--porcelain", "-uno", "include", "bench")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except OSError:
        return ""


def run_all(directory, options, *, name="bench_*", python=None, missing=None, rounds=3, wanted=""):
    """Everything measured as one JSON value, and the programs that failed."""
    results, failed = {"machine": machine(), "commit": commit(), "programs": {}}, []
    for program in programs(directory, name):
        result, good = run_program(program, python, rounds, wanted, options)
        if not good:
            failed.append(program.name)
        if result:
            if missing:
                result["peer"] = {"missing": missing}
            results["programs"][program.name] = result
    return results, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filter", "--benchmark_filter", default="", help="only benchmarks work/dtype/mode that match")
    parser.add_argument("--python", help="a Python interpreter with torch")
    parser.add_argument("--no-peers", action="store_true")
    options, rest = parser.parse_known_args()
    python, missing = (None, "left out") if options.no_peers else python_with_torch(options.python)
    if missing:
        say(f"PyTorch: {missing}")
    results, failed = run_all(options.directory, rest, python=python, missing=missing, rounds=options.rounds,
                              wanted=options.filter)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    for program in results["programs"]:
        say("\n" + report.screen(results, program))
    for name in failed:
        say(f"FAILED  {name}")
    if not results["programs"] and not failed:
        say(f"no benchmark to run in {options.directory}")
    return 1 if failed or not results["programs"] else 0


if __name__ == "__main__":
    sys.exit(main())

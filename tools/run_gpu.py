#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every CUDA test and benchmark of a build directory on the GPU of this machine, from the binaries as they are.

    run_gpu.py BUILD [--json FILE] [--skip-sanitizer] [--skip-benchmarks] [--python PYTHON] [GOOGLE BENCHMARK OPTION...]

Needs the driver and Python's standard library; where PYTHON, $FUSE_BENCH_PYTHON or python3 has PyTorch with CUDA, the
same work is measured through it. Where compute-sanitizer is found (on the PATH or in the CUDA Toolkit), its
four tools run over the first test cases of each program: --sanitizer-cases bounds how many. Where Nsight Compute is
found, its counters are compared with those of tests/cuda/*.counters.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import compare_counters
import run_benchmarks

DOCTEST = re.compile(r"\[doctest\] test cases: +\d+ \| +(\d+) passed \| +(\d+) failed")
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
TIMEOUT = 300  # seconds a program may take


def gpu():
    fields = "name,driver_version,compute_cap,memory.total,clocks.max.sm,clocks.max.memory"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    query = subprocess.run(command, capture_output=True, text=True) if shutil.which("nvidia-smi") else None
    if not query or query.returncode != 0 or not query.stdout.strip():
        sys.exit("run_gpu.py: nvidia-smi finds no GPU; the CUDA tests run on the simulated device without one: "
                 "./dev test")
    return dict(zip(fields.split(","), map(str.strip, query.stdout.splitlines()[0].split(","))))


def run(command):
    """(seconds, exit status, output); a program past its time ends with status 'timeout'."""
    begin = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT)
        status, output = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        status, output = "timeout", (late.stdout or b"").decode(errors="replace")
    return time.monotonic() - begin, status, output


def test(program, prefix=(), options=()):
    seconds, status, output = run([*prefix, str(program), "--no-colors", *options])
    found = DOCTEST.search(output)
    passed, failed = map(int, found.groups()) if found else (0, 0)
    if status != 0 and failed == 0:
        failed = 1
    tool = f" ({' '.join(prefix[1:3])})" if prefix else ""
    verdict = "ok    " if status == 0 else "FAILED"
    print(f"{verdict} {program.name}{tool}: {passed} passed, {failed} failed, {seconds:.1f} s")
    if status != 0:
        print("\n".join("    " + line for line in output.splitlines()[-60:]), flush=True)
    return {"passed": passed, "failed": failed, "seconds": round(seconds, 2), "status": status}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path, help="where to write everything (default BUILD/gpu.json)")
    parser.add_argument("--skip-sanitizer", action="store_true")
    parser.add_argument("--skip-benchmarks", action="store_true")
    parser.add_argument("--python", help="a Python interpreter with torch")
    parser.add_argument("--sanitizer-cases", type=int, default=8)
    options, benchmark_options = parser.parse_known_args()

    report = {"gpu": gpu(), "tests": {}, "sanitizer": {}, "counters": {}, "benchmarks": {}}
    print(", ".join(f"{key} {value}" for key, value in report["gpu"].items()), flush=True)
    os.environ["LD_LIBRARY_PATH"] = f"{(options.build / 'lib').resolve()}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    programs = sorted(p for p in (options.build / "tests").glob("gpu_*") if p.is_file() and os.access(p, os.X_OK))
    for program in programs:
        report["tests"][program.name] = test(program)

    sanitizer = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
    if sanitizer and not options.skip_sanitizer:
        for tool in TOOLS:
            prefix = (sanitizer, "--tool", tool, "--error-exitcode", "99")
            report["sanitizer"][tool] = {
                p.name: test(p, prefix, [f"--last={options.sanitizer_cases}"]) for p in programs}
    elif not sanitizer:
        print("compute-sanitizer is not on this machine")

    broken = []
    for known in sorted(pathlib.Path(__file__).parent.parent.glob("tests/cuda/*.counters")):
        program = options.build / "tests" / f"gpu_{known.stem}"
        try:
            rows = compare_counters.measure(known, program)
        except compare_counters.Unmeasured as why:
            print(f"counters of {program.name} not compared: {why}")
            continue
        except compare_counters.OtherLaunches as why:
            broken.append(f"counters of {program.name}: {why}")
            continue
        report["counters"][known.stem] = rows
        print(f"\nCounters of {program.name}\n\n{compare_counters.table(rows)}\n", flush=True)

    if not options.skip_benchmarks:
        python, missing = run_benchmarks.python_with_torch(options.python)
        report["benchmarks"], broken = run_benchmarks.run_all(options.build / "bench", benchmark_options,
                                                              name="bench_cuda*", python=python, missing=missing)
        for program in report["benchmarks"]["programs"]:
            print("\n" + run_benchmarks.report.screen(report["benchmarks"], program) + "\n", flush=True)

    everything = [r for group in (report["tests"], *report["sanitizer"].values()) for r in group.values()]
    passed = sum(r["passed"] for r in everything)
    failed = sum(r["failed"] for r in everything) + len(broken)
    for name in broken:
        print(f"FAILED  {name}")
    target = options.json or options.build / "gpu.json"
    target.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {target}\n{passed} passed, {failed} failed")
    return 1 if failed or not programs else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What using fuse costs at compile time, against an empty file compiled in the same run.

Times are processor seconds of the compiler and all it starts, so that other work on the machine does not count; each is
the median of -n rounds. A round compiles every case once, as many at once as there are processors. Exits with 1 when a
figure is beyond its budget by half.

    measure.py [-n ROUNDS] [--build DIRECTORY] [--remember]

--build DIRECTORY also says how long the Llama example took when Ninja built that directory, as the sum of its jobs.
--remember prints the last table again when neither the headers nor the compilers have changed since; the table is kept
in DIRECTORY.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FUNCTIONS = 5
SLACK = 1.5  # beyond the budget by half

# Budgets: nvcc as a multiple of the empty file and in seconds a function, g++ in seconds above the empty file.
NVCC_HEADER, NVCC_FUNCTION, GXX_HEADER = 3.0, 1.0, 0.8


def find_nvcc():
    for candidate in (os.environ.get("CUDACXX"), shutil.which("nvcc"), "/usr/local/cuda/bin/nvcc"):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    return None


def processor_seconds(command):
    environment = dict(os.environ, CCACHE_DISABLE="1")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"measure.py: {' '.join(command)} failed:\n{output.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime


class Cases:
    """Commands by name, and the times of their rounds."""

    def __init__(self, scratch):
        self.scratch, self.commands, self.times = scratch, {}, {}

    def add(self, name, command):
        self.commands[name], self.times[name] = command, []

    def add_source(self, name, compiler, suffix, text="", options=()):
        source = self.scratch / f"{name.replace(' ', '_')}{suffix}"
        source.write_text(text)
        output = str(self.scratch / f"{source.name}.o")
        self.add(name, compiler + ["-I", str(ROOT / "include"), *options, "-c", str(source), "-o", output])

    def add_compiler(self, name, compiler, suffix):
        self.add_source(f"{name} empty", compiler, suffix)
        self.add_source(f"{name} header", compiler, suffix, "#include <fuse/fuse.hpp>\n")
        self.add_source(f"{name} graphs", compiler, suffix,
                        "#include <fuse/fuse.hpp>\n#include <fuse/runtime/graphed.hpp>\n")
        for count in (1, FUNCTIONS):
            self.add_source(f"{name} {count}", compiler, suffix, f'#include "{HERE / "functions.cpp"}"\n',
                            [f"-DFUNCTIONS={count}"])

    def run(self, rounds):
        names, done = list(self.commands) * rounds, 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, seconds in zip(names, pool.map(lambda n: processor_seconds(self.commands[n]), names)):
                self.times[name].append(seconds)
                done += 1
                progress(f"[{done}/{len(names)}] {name}")
        progress("")

    def seconds(self, name):
        return statistics.median(self.times[name])


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def llama_seconds(build, least):
    """Seconds of the jobs that compiled the Llama example; None where one took less than `least`, as it does if only
    the compiler cache was asked for its result."""
    log = build / ".ninja_log"
    seconds = {}
    for line in log.read_text().splitlines()[1:] if log.exists() else []:
        begin, end, _, output, _ = line.split("\t")
        if output.startswith("examples/llama/") and output.endswith(".o"):
            seconds[output] = (int(end) - int(begin)) / 1000
    return sum(seconds.values()) if seconds and min(seconds.values()) >= least else None


def table(cases, nvcc, llama):
    """Rows of (what, seconds, against the empty file, budget, figure, limit of the figure)."""
    rows = []
    for name in (["nvcc"] if nvcc else []) + ["g++"]:
        empty, header = cases.seconds(f"{name} empty"), cases.seconds(f"{name} header")
        one, many = cases.seconds(f"{name} 1"), cases.seconds(f"{name} {FUNCTIONS}")
        each = (many - one) / (FUNCTIONS - 1)
        rows.append((f"{name} -c, empty file", empty, "", "", None, None))
        if name == "nvcc":
            rows.append((f"{name} -c, fuse.hpp", header, f"{header / empty:.2f}x", f"{NVCC_HEADER:.1f}x",
                         header / empty, NVCC_HEADER))
        else:
            rows.append((f"{name} -c, fuse.hpp", header, f"+{header - empty:.2f} s", f"+{GXX_HEADER:.1f} s",
                         header - empty, GXX_HEADER))
        graphs = cases.seconds(f"{name} graphs")
        rows.append((f"{name} -c, runtime/graphed.hpp too", graphs, f"+{graphs - empty:.2f} s", "", None, None))
        rows.append((f"{name} -c, one function", one, f"+{one - empty:.2f} s", "", None, None))
        rows.append((f"{name} -c, {FUNCTIONS} functions", many, f"+{many - empty:.2f} s", "", None, None))
        budget = (f"{NVCC_FUNCTION:.1f} s", each, NVCC_FUNCTION) if name == "nvcc" else ("", None, None)
        rows.append((f"{name} -c, each further function", each, "", *budget))
    if llama is not None:
        rows.append(("the Llama example in all, as built", llama, "", "", None, None))
    return rows


def render(rows):
    lines, failed = [f"{'compile time':34} {'seconds':>8} {'to empty':>9} {'budget':>7}"], False
    for what, seconds, against, budget, figure, limit in rows:
        verdict = ""
        if figure is not None:
            beyond = figure > limit * SLACK
            failed |= beyond
            verdict = "  FAILED, beyond the budget by half" if beyond else "  over" if figure > limit else "  ok"
        lines.append(f"{what:34} {seconds:8.2f} {against:>9} {budget:>7}{verdict}")
    return "\n".join(lines), failed


def fingerprint(compilers):
    digest = hashlib.sha256()
    for folder in (ROOT / "include", ROOT / "examples/llama", HERE):
        for path in sorted(folder.rglob("*.[hcp]*")):
            if path.is_file():
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    for compiler in compilers:
        digest.update(subprocess.run([compiler, "--version"], capture_output=True, check=True).stdout)
    return digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=2, metavar="ROUNDS", help="rounds (default 2)")
    parser.add_argument("--build", type=pathlib.Path, help="a build directory that has the Llama example")
    parser.add_argument("--remember", action="store_true", help="print the kept table when nothing has changed")
    options = parser.parse_args()

    gxx, nvcc = os.environ.get("CXX", "g++"), find_nvcc()
    kept = options.build / "compile_time.json" if options.build else None
    if options.remember and kept:
        state = fingerprint([gxx] + ([nvcc] if nvcc else []))
        if kept.exists():
            last = json.loads(kept.read_text())
            if last["fingerprint"] == state:
                text, failed = render(last["rows"])
                print(text + "\nnothing has changed since this was measured")
                return failed

    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        cases = Cases(scratch)
        if nvcc:
            cases.add_compiler("nvcc", [nvcc, "-std=c++20", "-O3", "-arch=sm_90"], ".cu")
        cases.add_compiler("g++", [gxx, "-std=c++20", "-O2"], ".cpp")
        cases.run(options.n)
        llama = llama_seconds(options.build, cases.seconds("g++ header")) if options.build else None
        rows = table(cases, nvcc, llama)
    text, failed = render(rows)
    print(text)
    if options.remember and kept:
        kept.write_text(json.dumps({"fingerprint": state, "rows": rows}))
    return failed


if __name__ == "__main__":
    sys.exit(main())

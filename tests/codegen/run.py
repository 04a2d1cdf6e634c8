#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Code-generation tests: nvcc compiles each .cu here to PTX and ptxas to a cubin; FileCheck holds both against the
directives in the file. Prefixes: ENTRY, LOAD, STORE and LOCAL read the PTX, USAGE reads ptxas -v. Each prefix is a run
of its own, because the compiler is free to mix loads with stores.

    run.py [--case NAME] [--include DIR] [--architecture 90] [--all-architectures]
"""
import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ["-Werror", "all-warnings", "-Xcompiler", "-Wall,-Wextra,-Werror"]


def run(command):
    return subprocess.run(command, capture_output=True, text=True)


def find_filecheck():
    for name in ("FileCheck", "FileCheck-14", "/usr/lib/llvm-14/bin/FileCheck"):
        if shutil.which(name):
            return name
    sys.exit("codegen: FileCheck not found (Debian package llvm-14-tools)")


def check(source, options, filecheck, folder):
    complaints = []
    ptx, usage = folder / (source.stem + ".ptx"), folder / (source.stem + ".usage")
    nvcc = ["nvcc", "-std=c++20", "-O3", "-I", options.include] + WARNINGS
    made = run(nvcc + [f"-arch=sm_{options.architecture}", "--ptx", str(source), "-o", str(ptx)])
    if made.returncode != 0:
        return ["nvcc failed:\n" + made.stderr[:3000]]
    made = run(["ptxas", "-v", f"-arch=sm_{options.architecture}", str(ptx), "-o", "/dev/null"])
    usage.write_text(made.stderr + made.stdout)
    if made.returncode != 0:
        return ["ptxas failed:\n" + made.stderr[:3000]]
    for prefix in sorted(set(re.findall(r"^// ([A-Z]+)(?:-[A-Z0-9]+)*:", source.read_text(), re.M))):
        read = usage if prefix == "USAGE" else ptx
        result = run([filecheck, str(source), "--input-file", str(read), f"--check-prefix={prefix}"])
        if result.returncode != 0:
            complaints.append(result.stderr[:3000])
    return complaints


def all_architectures(sources, options, folder):
    """Every case for the architectures beside 90, in one translation unit each, to a cubin."""
    complaints = []
    for architecture in (80, 100):
        unit = folder / f"all_{architecture}.cu"
        names = [s.stem for s in sources]
        text = "".join(f"#define call call_{n}\n#include \"{s}\"\n#undef call\n" for n, s in zip(names, sources))
        unit.write_text(text)
        made = run(["nvcc", "-std=c++20", "-O3", "-I", options.include, "-I", str(sources[0].parent)] + WARNINGS +
                   [f"-arch=sm_{architecture}", "-cubin", str(unit), "-o", "/dev/null"])
        print(f"{'FAIL' if made.returncode else 'ok  '} all kernels for sm_{architecture}", flush=True)
        if made.returncode:
            complaints.append(made.stderr[:3000])
            print("     " + made.stderr[:3000])
    return complaints


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="*")
    parser.add_argument("--include", default=str(here.parents[1] / "include"))
    parser.add_argument("--architecture", type=int, default=90)
    parser.add_argument("--all-architectures", action="store_true")
    options = parser.parse_args()
    filecheck = find_filecheck()
    sources = sorted(here.glob(options.case + ".cu"))
    failed = total = 0
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(2) as pool:
        folder = pathlib.Path(name)
        if options.all_architectures:
            total, failed = 3, len(all_architectures(sources, options, folder))
        else:
            total = len(sources)
            for source, complaints in zip(sources, pool.map(lambda s: check(s, options, filecheck, folder), sources)):
                print(f"{'FAIL' if complaints else 'ok  '} {source.stem}", flush=True)
                for text in complaints:
                    print("     " + text)
                failed += bool(complaints)
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed or not sources else 0


if __name__ == "__main__":
    sys.exit(main())

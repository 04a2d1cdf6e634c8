#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Must-not-compile tests. Each case ends in one error, which holds its `expect:` text, and in no second one that
follows from it; with -DTWIN it is the same program put right, and compiles. What the compiler says must also hold each
`shows:` text: the name of the function or operation, the two lengths that differ. Where `flags:` of the
compiler are what is wrong, the twin is compiled without them.

A line `errors: 2 (why)` allows for a second error where a compiler goes on from one that the library has no say in.

    run.py [--compiler g++ | nvcc] [--case NAME] [--show]

nvcc takes the cases with the line `also: nvcc`, and those with `compiler: nvcc`, which others leave out.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys


def takes(compiler, text):
    only = re.search(r"^// compiler: (.*)", text, re.MULTILINE)
    is_nvcc = pathlib.Path(compiler).name == "nvcc"
    return is_nvcc == (only.group(1) == "nvcc") if only else not is_nvcc or "\n// also: nvcc\n" in text


def compile_case(command, source, twin):
    flags = re.search(r"^// flags: (.*)", source.read_text(), re.MULTILINE)
    more = ["-DTWIN"] if twin else flags.group(1).split() if flags else []
    return subprocess.run(command + more + [str(source)], capture_output=True, text=True)


def normal(text):
    """What compilers say of template arguments, in one spelling: no blanks, names as strings, plain numbers."""
    text = re.sub(r"\s+", "", text)
    text = re.sub(r"\{\{((?:'[^']*',)+)'\\000'\}\}", lambda m: '{"' + m.group(1)[1:-2].replace("','", "") + '"}', text)
    return re.sub(r"\b(\d+)U?LL?\b", r"\1", text)


def check(command, source):
    """A list of complaints; empty when the case behaves."""
    text = source.read_text()
    expected = re.search(r"// expect: (.*)", text).group(1).strip()
    most = int((re.search(r"// errors: (\d)", text) or [0, 1])[1])
    shown = [line.strip() for line in re.findall(r"// shows: (.*)", text)]
    complaints = []
    twin = compile_case(command, source, True)
    if twin.returncode != 0:
        complaints.append("the valid twin does not compile:\n" + twin.stderr[:2000])
    bad = compile_case(command, source, False)
    errors = [line for line in bad.stderr.splitlines() if re.search(r"\berror(:| #\d)", line)]
    missing = [words for words in shown if normal(words) not in normal(bad.stderr)]
    if bad.returncode == 0:
        complaints.append("it compiles")
    elif not any(expected in line for line in errors):
        complaints.append(f"no error line says '{expected}':\n" + "\n".join(errors)[:2000])
    elif missing:
        complaints.append(f"nothing says '{missing[0]}':\n" + bad.stderr[:2000])
    elif len(errors) > most:
        complaints.append(f"{len(errors)} error lines, expected {most}:\n" + "\n".join(errors)[:2000])
    return complaints, errors


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--include", default=str(here.parents[1] / "include"))
    parser.add_argument("--case", default="*")
    parser.add_argument("--show", action="store_true", help="print the error lines of every case")
    options = parser.parse_args()
    command = [options.compiler, "-std=c++20", "-I", options.include]
    if pathlib.Path(options.compiler).name == "nvcc":
        command += ["-x", "cu", "-arch=sm_90", "-ptx", "-o", "/dev/null"]  # the device pass, which comes first
    else:
        command += ["-fsyntax-only"]
    cases = [c for c in sorted(here.glob(options.case + ".cpp")) if takes(options.compiler, c.read_text())]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for source, (complaints, errors) in zip(cases, pool.map(lambda s: check(command, s), cases)):
            print(f"{'FAIL' if complaints else 'ok  '} {source.stem}", flush=True)
            for text in complaints:
                print("     " + text)
            if options.show:
                print("     " + "\n     ".join(errors))
            failed += bool(complaints)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())

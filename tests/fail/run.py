#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Must-not-compile tests. Each case compiles as it is with an error that holds its `expect:` text once, and as little
else as possible; with -DTWIN it is the same program put right, and compiles. What the compiler says must also hold the
`shows:` text, if there is one: the two lengths that differ.

    run.py --compiler g++ --include include [--case NAME] [--show]
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

MOST_ERRORS = 2  # the library's own line, and at most one that follows from it


def compile_case(command, source, twin):
    return subprocess.run(command + (["-DTWIN"] if twin else []) + [str(source)], capture_output=True, text=True)


def check(command, source):
    """A list of complaints; empty when the case behaves."""
    text = source.read_text()
    expected = re.search(r"// expect: (.*)", text).group(1).strip()
    shown = re.search(r"// shows: (.*)", text)
    complaints = []
    twin = compile_case(command, source, True)
    if twin.returncode != 0:
        complaints.append("the valid twin does not compile:\n" + twin.stderr[:2000])
    bad = compile_case(command, source, False)
    errors = [line for line in bad.stderr.splitlines() if re.search(r"\berror\b", line)]
    if bad.returncode == 0:
        complaints.append("it compiles")
    elif not any(expected in line for line in errors):
        complaints.append(f"no error line says '{expected}':\n" + "\n".join(errors)[:2000])
    elif shown and shown.group(1).strip() not in bad.stderr:
        complaints.append(f"nothing says '{shown.group(1).strip()}':\n" + bad.stderr[:2000])
    elif len(errors) > MOST_ERRORS:
        complaints.append(f"{len(errors)} error lines, expected at most {MOST_ERRORS}:\n" + "\n".join(errors)[:2000])
    return complaints, errors


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--include", default=str(here.parents[1] / "include"))
    parser.add_argument("--case", default="*")
    parser.add_argument("--show", action="store_true", help="print the error lines of every case")
    options = parser.parse_args()
    command = [options.compiler, "-std=c++20", "-fsyntax-only", "-I", options.include]
    cases = sorted(here.glob(options.case + ".cpp"))
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

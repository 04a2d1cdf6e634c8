#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over the host sources of a build directory, with the headers they include.

    run_clang_tidy.py BUILD [--jobs N] [PART OF A PATH...]
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("parts", nargs="*")
    options = parser.parse_args()
    files = sorted({entry["file"] for entry in json.loads((options.build / "compile_commands.json").read_text())})
    files = [f for f in files if f.endswith(".cpp") and pathlib.Path(f).exists()  # some are written by the build
             and (not options.parts or any(part in f for part in options.parts))]

    def check(file):
        command = ["clang-tidy", "--quiet", "-p", str(options.build), "--extra-arg=-Wno-unknown-warning-option",
                   "--extra-arg=-Wno-unused-command-line-argument", file]
        return subprocess.run(command, capture_output=True, text=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done, (file, result) in enumerate(zip(files, pool.map(check, files)), 1):
            print(f"[{done}/{len(files)}] {file}", flush=True)
            if result.returncode != 0 or "warning:" in result.stdout:
                print(result.stdout + result.stderr)
                failed += 1
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())

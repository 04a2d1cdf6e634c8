#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every Google Benchmark program in a directory, and merges what they measured.

    run_benchmarks.py DIRECTORY [--json FILE] [GOOGLE BENCHMARK OPTION...]
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def programs(directory):
    return sorted(p for p in directory.glob("bench_*") if p.is_file() and os.access(p, os.X_OK))


def run(program, options, output):
    """The program's JSON, with its table on the screen as it comes."""
    command = [str(program), f"--benchmark_out={output}", "--benchmark_out_format=json", *options]
    code = subprocess.run(command).returncode
    text = output.read_text() if output.exists() else ""
    return code, json.loads(text) if text.strip() else None


def run_all(directory, options):
    """{program: its JSON}, and the programs that failed."""
    results, failed = {}, []
    with tempfile.TemporaryDirectory() as scratch:
        for program in programs(directory):
            print(f"\n{program.name}", flush=True)
            code, result = run(program, options, pathlib.Path(scratch) / "out.json")
            if code != 0 or result is None:
                failed.append(program.name)
            else:
                results[program.name] = result
    return results, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options, rest = parser.parse_known_args()
    results, failed = run_all(options.directory, rest)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    for name in failed:
        print(f"FAILED  {name}")
    if not results and not failed:
        print(f"no benchmark in {options.directory}")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles and runs random programs, and shrinks the first that fails to a minimal one, which it prints.

    fuzz.py --seed 1000 --count 500 --work DIR \\
      --compile 'g++ -std=c++20 -O1 -Iinclude -Itests/random {sources} -o {program}'

{sources} and {program} are filled in. With --cuda the sources are .cu, for nvcc.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import generate  # noqa: E402
import programs  # noqa: E402

LONGEST_RUN = 300  # seconds


class Outcome:
    def __init__(self, kind, text):
        self.kind, self.text = kind, text  # kind: right, compile, run


def attempt(a, seeded, name):
    """Compiles and runs (seed, program) pairs together."""
    directory = os.path.join(a.work, name)
    sources = generate.write(directory, seeded, 1, "cu" if a.cuda else "cpp")
    program = os.path.join(directory, "program")
    command = a.compile.format(sources=" ".join(shlex.quote(os.path.join(directory, s)) for s in sources),
                               program=shlex.quote(program))
    made = subprocess.run(command, shell=True, capture_output=True, text=True)
    if made.returncode != 0:
        return Outcome("compile", made.stdout + made.stderr)
    try:
        ran = subprocess.run([program, os.path.join(directory, "programs.numbers")], capture_output=True, text=True,
                             timeout=LONGEST_RUN)
    except subprocess.TimeoutExpired:
        return Outcome("run", f"still running after {LONGEST_RUN} seconds")
    text = ran.stdout + ran.stderr
    if ran.returncode < 0:
        text += f"signal {-ran.returncode}\n"
    return Outcome("right" if ran.returncode == 0 else "run", text)


def shrink(a, seed, program, kind):
    """The smallest program that fails in the same way, one step at a time."""
    while True:
        for p in programs.smaller(program):
            if attempt(a, [(seed, p)], "shrink").kind == kind:
                program = p
                print(f"  {len(p.operations())} operations still fail", flush=True)
                break
        else:
            return program


def tail(text, kind):
    lines = text.splitlines()
    if kind == "compile":
        lines = [line for line in lines if re.search(r"\berror\b", line)] or lines
    return "\n".join("  " + line[:400] for line in lines[:8])


def failing(a, seeded, outcome):
    """The (seed, program) pairs of a batch that fail by themselves, found by what was printed, or one by one."""
    named = {int(x) for x in re.findall(r"random: program (\d+):", outcome.text)} if outcome.kind == "run" else set()
    suspects = [(s, p) for s, p in seeded if not named or s in named]
    for s, p in suspects:
        one = attempt(a, [(s, p)], "one")
        if one.kind != "right":
            yield s, p, one


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", type=int, default=int(time.time()), help="of the first program (default: the time)")
    p.add_argument("--count", type=int, default=100)
    p.add_argument("--batch", type=int, default=10, help="programs that are compiled together")
    p.add_argument("--most", type=int, default=12, help="operations of a program")
    p.add_argument("--cuda", action="store_true")
    p.add_argument("--work", required=True, help="folder for what is generated")
    p.add_argument("--compile", required=True, help="command line with {sources} and {program}")
    p.add_argument("--keep-going", action="store_true", help="report every failure, unshrunk")
    return p.parse_args()


def main():
    a = arguments()
    failures = 0
    for first in range(a.seed, a.seed + a.count, a.batch):
        seeds = range(first, min(first + a.batch, a.seed + a.count))
        seeded = [(s, programs.generate(s, a.most)) for s in seeds]
        outcome = attempt(a, seeded, "batch")
        if outcome.kind == "right":
            print(f"seeds {seeds[0]} to {seeds[-1]}: {outcome.text.strip().splitlines()[-1]}", flush=True)
            continue
        for seed, program, one in failing(a, seeded, outcome):
            failures += 1
            print(f"seed {seed} fails ({one.kind}), {len(program.operations())} operations:")
            print(tail(one.text, one.kind), flush=True)
            if a.keep_going:
                continue
            least = shrink(a, seed, program, one.kind)
            print(f"A minimal program:\n\n{generate.source_of(least, seed, 0, True)}")
            print(tail(attempt(a, [(seed, least)], "shrink").text, one.kind))
            return 1
        if failures == 0:
            print(f"seeds {seeds[0]} to {seeds[-1]} fail together and not alone:\n{tail(outcome.text, outcome.kind)}")
            return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

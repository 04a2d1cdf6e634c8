#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sums up a ctest run: what failed, what was skipped, and how many test cases passed and failed in all.

    test_summary.py JUNIT.xml [--build DIRECTORY]

--build DIRECTORY adds a table of where the time goes: seconds by room, of the jobs that built DIRECTORY, each when it
last ran there, and of its tests. What the compiler cache served took no time.

A doctest program counts with its test cases, random programs one by one, a runner that ends with 'N passed, N failed'
with those, and anything else as one. Exits with 1 when something failed or nothing ran.
"""
import argparse
import collections
import pathlib
import re
import sys
import xml.etree.ElementTree

DOCTEST = re.compile(r"\[doctest\] test cases: +\d+ \| +(\d+) passed \| +(\d+) failed")
RANDOM = re.compile(r"^random: (\d+) programs, (\d+) failed", re.MULTILINE)
RUNNER = re.compile(r"^(\d+) passed, (\d+) failed", re.MULTILINE)
SKIPPED = re.compile(r"(\d+) test cases skipped")


def counts(output, succeeded):
    """Passed and failed cases of one ctest entry. A program that dies has failed once more than its cases tell."""
    found = DOCTEST.findall(output) or RUNNER.findall(output)
    found += [(int(programs) - int(wrong), wrong) for programs, wrong in RANDOM.findall(output)]
    if not found:
        return (1, 0) if succeeded else (0, 1)
    passed, failed = (sum(map(int, column)) for column in zip(*found))
    return passed, failed if succeeded or failed else 1


def room_of_test(name):
    """host/op/numerics -> host/op, cuda/views -> cuda"""
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "host" else parts[0]


def room_of_output(path):
    """The room of what Ninja builds, by the name of its target: tests/CMakeFiles/test_op.dir/op/x.cpp.o -> host/op"""
    target = (re.search(r"CMakeFiles/([^/]+)\.dir/", path) or re.search(r"clang/([^/]+)/", path) or [None, None])[1]
    target = target or pathlib.PurePosixPath(path).name
    if target in ("test_block", "test_threads"):
        return "block"
    if target.startswith("test_"):
        return "host/" + target.removeprefix("test_").split("_")[0]
    if target.endswith("_fuzz"):
        return "fuzz"
    if target.startswith("fuse_sim") or path.startswith("tests/sim_"):
        return "sim"
    before = target.split("_")[0]
    return before if before in ("cuda", "gpu", "sim", "docs", "random") else pathlib.PurePosixPath(path).parts[0]


def build_seconds(directory):
    """Seconds by room, from Ninja's log: a line an output, of which the last one counts."""
    log = pathlib.Path(directory, ".ninja_log")
    last = {}
    for line in log.read_text().splitlines()[1:] if log.exists() else ():
        begin, end, _, output, _ = line.split("\t")
        if not output.startswith("/"):  # Ninja's own bookkeeping has absolute paths
            last[output] = (int(end) - int(begin)) / 1000
    rooms = collections.Counter()
    for output, seconds in last.items():
        rooms[room_of_output(output)] += seconds
    return rooms


def print_rooms(built, tested):
    print(f"{'seconds by room':20} {'build':>7} {'tests':>7}")
    for room in sorted(built | tested, key=lambda room: -(built[room] + tested[room])):
        if built[room] + tested[room] >= 1:
            print(f"  {room:18} {built[room]:7.0f} {tested[room]:7.0f}")
    print(f"  {'in all':18} {built.total():7.0f} {tested.total():7.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("junit")
    parser.add_argument("--build", metavar="DIRECTORY")
    arguments = parser.parse_args()
    tested = collections.Counter()
    passed = failed = skipped = 0
    failures, left_out, slowest = [], [], []
    for case in xml.etree.ElementTree.parse(arguments.junit).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        if status == "run" or status == "fail":
            p, f = counts(output, status == "run")
            passed, failed = passed + p, failed + f
            slowest.append((float(case.get("time") or 0), name))
            tested[room_of_test(name)] += slowest[-1][0]
            if f:
                failures.append(f"{name}: {f} failed")
        elif case.find("skipped") is not None and "SKIP_RETURN_CODE" in (case.find("skipped").get("message") or ""):
            number = int((SKIPPED.search(output) or [0, "1"])[1])
            skipped += number
            left_out.append((name, number, [line.strip() for line in output.splitlines() if line.startswith("  ")]))
        else:
            failed += 1
            failures.append(f"{name}: not run")

    if arguments.build:
        print_rooms(build_seconds(arguments.build), tested)
    print("slowest: " + ", ".join(f"{name} {seconds:.0f} s" for seconds, name in sorted(slowest, reverse=True)[:5]))
    if left_out:
        print("skipped, no GPU on this machine:")
        for name, number, cases in left_out:
            print(f"  {name}: {number} test cases" + "".join(f"\n    {case}" for case in cases))
    for failure in failures:
        print(f"FAILED  {failure}")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

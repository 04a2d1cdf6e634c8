#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sums up a ctest run: what failed, what was skipped, and how many test cases passed and failed in all.

    test_summary.py JUNIT.xml

A doctest program counts with its test cases, random programs one by one, a runner that ends with 'N passed, N failed'
with those, and anything else as one. Exits with 1 when something failed or nothing ran.
"""
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


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed = failed = skipped = 0
    failures, left_out, slowest = [], [], []
    for case in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        if status == "run" or status == "fail":
            p, f = counts(output, status == "run")
            passed, failed = passed + p, failed + f
            slowest.append((float(case.get("time") or 0), name))
            if f:
                failures.append(f"{name}: {f} failed")
        elif case.find("skipped") is not None and "SKIP_RETURN_CODE" in (case.find("skipped").get("message") or ""):
            number = int((SKIPPED.search(output) or [0, "1"])[1])
            skipped += number
            left_out.append((name, number, [line.strip() for line in output.splitlines() if line.startswith("  ")]))
        else:
            failed += 1
            failures.append(f"{name}: not run")

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

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_summary.py over runs that are written here."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SUMMARY = pathlib.Path(__file__).parents[2] / "tools" / "test_summary.py"


def case(name, seconds, output="", status="run"):
    return f'<testcase name="{name}" status="{status}" time="{seconds}"><system-out>{output}</system-out></testcase>'


class TestSummary(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def summary(self, *cases, options=()):
        junit = self.folder / "junit.xml"
        junit.write_text(f"<testsuite>{''.join(cases)}</testsuite>")
        done = subprocess.run([sys.executable, str(SUMMARY), str(junit), *options], capture_output=True, text=True)
        return done.returncode, done.stdout

    def test_counts_cases_of_every_kind_of_runner(self):
        status, said = self.summary(case("host/op/a", 1, "[doctest] test cases:  3 |  3 passed | 0 failed | 0 skipped"),
                                    case("random/cpp", 2, "random: 7 programs, 0 failed"), case("docs/text", 3))
        self.assertEqual(status, 0, said)
        self.assertIn("11 passed, 0 failed", said)

    def test_fails_where_something_failed_and_where_nothing_ran(self):
        failing = case("host/op/a", 1, "[doctest] test cases:  3 |  2 passed | 1 failed | 0 skipped", "fail")
        status, said = self.summary(failing)
        self.assertEqual(status, 1)
        self.assertIn("FAILED  host/op/a: 1 failed", said)
        self.assertEqual(self.summary()[0], 1)

    def test_says_where_the_time_goes(self):
        log = ["# ninja log v5"]
        for seconds, output in ((4, "tests/CMakeFiles/test_op.dir/op/numerics_test.cpp.o"), (9, "tests/cuda_views"),
                                (3, "tests/CMakeFiles/cuda_objects_views.dir/cuda/views.cu.o"),
                                (5, "tests/CMakeFiles/cuda_objects_views.dir/cuda/views.cu.o"),  # the later run counts
                                (7, "examples/llama/CMakeFiles/llama.dir/main.cpp.o"), (99, "/x/cmake.verify_globs")):
            log.append(f"0\t{seconds * 1000}\t1\t{output}\tabc")
        (self.folder / ".ninja_log").write_text("\n".join(log) + "\n")
        _, said = self.summary(case("host/op/numerics", 2), case("host/op/predicates", 1), case("cuda/views", 6),
                               options=("--build", str(self.folder)))
        rows = [line.split() for line in said.splitlines()[1:5]]
        self.assertEqual(rows, [["cuda", "14", "6"], ["host/op", "4", "3"], ["examples", "7", "0"],
                                ["in", "all", "25", "9"]])


if __name__ == "__main__":
    unittest.main()

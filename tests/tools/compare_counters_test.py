#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare_counters.py with a program in place of Nsight Compute, which prints what that prints."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))
import compare_counters  # noqa: E402

COUNTERS = {name: 0 for name in compare_counters.METRICS}
LAUNCHES = [{"case": "first", **COUNTERS, "load_sectors": 4096, "bytes_read": 1000},
            {"case": "second", **COUNTERS, "load_sectors": 8}]
HEADER = '"ID","Process ID","Process Name","Host Name","Kernel Name","Metric Name","Metric Unit","Metric Value"'
SECTORS, READ = "l1tex__t_sectors_pipe_lsu_mem_global_op_ld", "dram__bytes_read"


def row(launch, metric, value):
    return f'"{launch}","1","gpu_x","host","kernel(int, int)","{metric}","","{value}"'


class CompareCounters(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.known = pathlib.Path(self.folder.name, "x.counters")
        self.known.write_text("".join(json.dumps(launch) + "\n" for launch in LAUNCHES))

    def tearDown(self):
        self.folder.cleanup()

    def ncu(self, lines, metrics=(SECTORS, READ), status=0):
        """A program that offers these metrics, and prints these lines."""
        path = pathlib.Path(self.folder.name, "ncu")
        offers = "\n".join(f"{m}   Counter   sector   # of something" for m in metrics)
        text = "\n".join(lines)
        path.write_text(f"""#!/bin/sh
if [ "$1" = --query-metrics ]; then
  cat <<'END'
Device x
{offers}
END
  exit 0
fi
case "$*" in *{metrics[0]}.sum*) ;; *) exit 9 ;; esac
cat <<'END'
{text}
END
exit {status}
""")
        path.chmod(0o755)
        return str(path)

    def measured(self, *arguments, **options):
        rows = compare_counters.measure(self.known, "gpu_x", self.ncu(*arguments, **options))
        return {(case, counter): value for case, counter, _, value in rows}

    TABLE = ["==PROF== Connected to process 1", "[doctest] run", HEADER, row(0, SECTORS + ".sum", "4,096"),
             row(1, SECTORS + ".sum", "10"), row(0, READ + ".sum", "1,250.00"), row(1, READ + ".sum", "n/a")]

    def test_reads_the_table(self):
        found = self.measured(self.TABLE)
        self.assertEqual(found["first", "load_sectors"], 4096)
        self.assertEqual(found["first", "bytes_read"], 1250)
        self.assertEqual(found["second", "load_sectors"], 10)
        self.assertIsNone(found["second", "bytes_read"])
        self.assertIsNone(found["first", "bank_conflicts"])  # not offered

    def test_prints_ratios(self):
        text = compare_counters.table(compare_counters.measure(self.known, "gpu_x", self.ncu(self.TABLE)))
        self.assertIn("| first | load sectors | 4,096 | 4,096 | 1.000 |", text)
        self.assertIn("| second | load sectors | 8 | 10 | 1.250 |", text)
        self.assertIn("| first | bank conflicts | 0 | not offered |  |", text)

    def test_says_why_it_cannot_measure(self):
        for lines, options, why in ((["==ERROR== no permission"], {}, "no table"),
                                    (["==ERROR== no permission"], {"status": 1}, "status 1:\n==ERROR== no permission"),
                                    (self.TABLE, {"metrics": ("something_else",)}, "none of the counters")):
            with self.assertRaisesRegex(compare_counters.Unmeasured, why):
                self.measured(lines, **options)

    def test_says_that_there_is_no_such_program(self):
        with self.assertRaisesRegex(compare_counters.Unmeasured, "/nowhere/ncu cannot be run"):
            compare_counters.measure(self.known, "gpu_x", "/nowhere/ncu")

    def test_a_missing_launch_is_an_error(self):
        with self.assertRaisesRegex(compare_counters.OtherLaunches, "expected 2 launches, Nsight Compute saw 1"):
            self.measured(self.TABLE[:4])

    def test_names_every_difference(self):
        self.assertEqual(compare_counters.check(LAUNCHES, LAUNCHES), [])
        other = [LAUNCHES[0], {**LAUNCHES[1], "load_sectors": 9}]
        self.assertEqual(compare_counters.check(LAUNCHES, other), ["second: load_sectors was 8, is 9"])
        self.assertEqual(compare_counters.check(LAUNCHES, other[:1]), ["expected 2 launches, there were 1"])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_benchmarks.py with programs in place of benchmarks, and one in place of a Python that has PyTorch."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
BENCHMARK = """#!/bin/sh
case "$*" in
*--benchmark_list_tests*)
  for work in first second; do echo $work/f32/eager/manual_time; echo $work/f32/fused/manual_time; done
  exit ;;
*first*) work=first ;;
*) work=second ;;
esac
for option; do case $option in --benchmark_out=*) out=${option#*=} ;; esac; done
one() { echo '{"run_name": "'$work'/f32/'$1'/manual_time", "median_seconds": '$2', "bytes_per_second": 8e9,
 "copy_bytes_per_second": 1e10, "kernels": '$3'}'; }
echo '{"context": {"executor": "host", "threads": "1", "compiler": "12"}, "benchmarks": [' >$out
one eager 0.004 4 >>$out; echo , >>$out; one fused 0.001 1 >>$out; echo ']}' >>$out
"""
PEER = """#!{python}
import json, sys, time
if sys.argv[1] == "-c":
    sys.exit(0)
for line in sys.stdin:
    ask = json.loads(line)
    do, work = ask["do"], ask.get("work")
    answer = {{"about": {{"torch": "2.0", "threads": 1, "device": "cpu"}},
              "check": {{"differences": {{"first/f32": {difference}}}}}, "prepare": {{}},
              "measure": {{"eager": [0.003], **({{"compiled": [0.002]}} if "--compile" in sys.argv else {{}})}}}}[do]
    if work == "first" and do == {hangs!r}:
        time.sleep(61)
    print(json.dumps(answer), flush=True)
"""


class RunBenchmarks(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        self.write("bench_x", BENCHMARK)
        self.write("bench_host", "#!/bin/sh\ncase $1 in --dump) exit 0 ;; esac\nexit 1\n")

    def tearDown(self):
        self.scratch.cleanup()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def peer(self, difference=0.0, hangs=None):
        return self.write("python", PEER.format(python=sys.executable, difference=difference, hangs=hangs))

    def measure(self, *options):
        target = self.folder / "out.json"
        done = subprocess.run([sys.executable, TOOLS / "run_benchmarks.py", self.folder, "--programs", "bench_x",
                               "--json", target, *options], capture_output=True, text=True, timeout=60)
        self.screen = done.stdout + done.stderr
        self.assertTrue(target.exists(), self.screen)
        return done.returncode, json.loads(target.read_text())["programs"]["bench_x"]

    def test_works_take_turns_with_both_ways_of_the_peer(self):
        status, found = self.measure("--python", self.peer(), "--rounds", "2")
        self.assertEqual(status, 0, self.screen)
        self.assertEqual(found["benchmarks"]["first/f32/fused"]["seconds"], [0.001, 0.001])
        self.assertEqual(found["benchmarks"]["second/f32/torch compiled"]["seconds"], [0.002, 0.002])
        self.assertRegex(self.screen, r"\| first, f32 +\| +4 → 1 .* 3.00 \| +2.00 \|")

    def test_eager_alone(self):
        found = self.measure("--python", self.peer(), "--peers", "eager")[1]
        self.assertIn("first/f32/torch eager", found["benchmarks"])
        self.assertNotIn("first/f32/torch compiled", found["benchmarks"])

    def test_no_peer(self):
        for options, why in ((("--peers", "none"), "left out"), (("--python", "/nowhere/python"), "is not there")):
            status, found = self.measure(*options)
            self.assertEqual(status, 0)
            self.assertIn(why, found["peer"]["missing"])

    def test_a_peer_with_other_results_is_not_measured(self):
        status, found = self.measure("--python", self.peer(difference=0.1))
        self.assertEqual(status, 1)
        self.assertIn("FAILED  first/f32: PyTorch's result is not ours, relative difference 1.0e-01", self.screen)
        self.assertNotIn("first/f32/torch eager", found["benchmarks"])
        self.assertIn("second/f32/torch eager", found["benchmarks"])
        self.assertIn("first/f32/fused", found["benchmarks"])

    def test_a_peer_that_hangs_costs_its_time(self):
        for hangs in ("prepare", "measure"):
            status, found = self.measure("--python", self.peer(hangs=hangs), "--work-seconds", "2", "--rounds", "1")
            self.assertIn(f"PyTorch gave no answer in time to {hangs}", self.screen)
            self.assertEqual(found["benchmarks"]["second/f32/fused"]["seconds"], [0.001])

    def test_begins_nothing_when_the_time_is_up(self):
        status, found = self.measure("--peers", "none", "--seconds", "4")
        self.assertEqual(status, 1)
        self.assertIn("no time left for second/f32", self.screen)


if __name__ == "__main__":
    unittest.main()

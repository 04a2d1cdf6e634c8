#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_benchmarks.py with programs in place of benchmarks, and one in place of a Python that has PyTorch."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

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
# What bench/peers needs of torch to begin, and it prints where answers go.
TORCH = {"__init__": "import os\nprint('torch says')\nos.system('echo a compiler says')\n__version__ = '2.0'\n"
                     "float32 = float64 = float16 = bfloat16 = int64 = None\n"
                     "def get_num_threads():\n    print('torch says more')\n    return 1\n",
         "nn/__init__": "class Module: pass\n", "nn/functional": ""}
PEER = """#!{python}
import json, os, sys, time
if sys.argv[1] == "-c":
    sys.exit(0)
for line in sys.stdin:
    ask = json.loads(line)
    do, work = ask["do"], ask.get("work")
    answer = {{"about": {{"torch": "2.0", "threads": 1, "device": "cpu"}},
              "check": {{"differences": {{"first/f32": {difference}}}}}, "prepare": {{}},
              "measure": {{"eager": [0.003], **({{"compiled": [0.002]}} if "--compile" in sys.argv else {{}})}}}}[do]
    if work == "first" and do == {hangs!r}:
        print(os.getpid(), file=open(sys.argv[0] + ".pid", "w"), flush=True)
        time.sleep(61)
    if work == "first" and do == "prepare":
        {does}
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

    def peer(self, difference=0.0, hangs=None, does="pass"):
        return self.write("python", PEER.format(python=sys.executable, difference=difference, hangs=hangs, does=does))

    def command(self, *options):
        return [sys.executable, TOOLS / "run_benchmarks.py", self.folder, "--programs", "bench_x", "--json",
                self.folder / "out.json", *options]

    def measure(self, *options):
        target = self.folder / "out.json"
        done = subprocess.run(self.command(*options), capture_output=True, text=True, timeout=60)
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

    def wait_for(self, path):
        end = time.monotonic() + 20
        while not (path.exists() and path.read_text().endswith("\n")):
            self.assertLess(time.monotonic(), end, f"{path} does not come")
            time.sleep(0.02)
        return path.read_text().strip()

    def test_what_it_started_is_gone_when_it_is_killed(self):
        hanging = BENCHMARK.replace("*first*) work=first ;;", "*first*) echo $$ >$0.pid; exec sleep 61 ;;")
        for name, text, peers in (("bench_x", hanging, "none"), ("python", BENCHMARK, "eager")):
            self.write("bench_x", text)
            python = self.peer(hangs="prepare")
            process = subprocess.Popen(self.command("--peers", peers, "--python", python), stdout=subprocess.DEVNULL)
            try:
                pid = self.wait_for(self.folder / f"{name}.pid")
            finally:
                process.kill()
                process.wait()
            end = time.monotonic() + 5
            while pathlib.Path("/proc", pid, "exe").exists() and time.monotonic() < end:
                time.sleep(0.02)
            self.assertFalse(pathlib.Path("/proc", pid, "exe").exists(), name)

    def test_a_peer_that_ends_tells_its_last_words(self):
        python = self.peer(does="sys.stderr.write('Traceback\\nno memory\\n'); os._exit(1)")
        found = self.measure("--python", python, "--rounds", "1")[1]
        self.assertIn("PyTorch cannot run first/f32: PyTorch has ended: no memory", self.screen)
        self.assertIn("second/f32/fused", found["benchmarks"])

    def test_a_peer_that_answers_something_else(self):
        for says in ("no answer", "3"):
            found = self.measure("--python", self.peer(does=f"print('{says}', flush=True)"), "--rounds", "1")[1]
            self.assertIn(f"PyTorch cannot run first/f32: PyTorch answered '{says}\\n", self.screen)
            self.assertIn("second/f32/fused", found["benchmarks"])
            # No answer is taken for that to another question.
            self.assertNotIn("second/f32/torch eager", found["benchmarks"])

    def test_a_python_that_hangs_costs_its_time(self):
        sys.path.insert(0, str(TOOLS))
        import run_benchmarks
        hanging = self.write("python", "#!/bin/sh\nexec sleep 61\n")
        with unittest.mock.patch.object(run_benchmarks, "PROBE_SECONDS", 1):
            python, why = run_benchmarks.python_with_torch(str(hanging))
        self.assertIsNone(python)
        self.assertIn("does not say within 1 s whether it has torch", why)

    def test_what_torch_prints_is_no_answer(self):
        for name, text in TORCH.items():
            path = self.folder / "torch" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, TOOLS.parent / "bench" / "peers" / "pytorch.py"], capture_output=True,
                              input='{"do": "about"}\n', text=True, timeout=30,
                              env={**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(done.stdout, '{"torch": "2.0", "threads": 1, "device": "cpu"}\n', done.stderr)
        for said in ("torch says\n", "a compiler says\n", "torch says more\n"):
            self.assertIn(said, done.stderr)

    def test_results_are_replaced_whole(self):
        target, earlier = self.folder / "out.json", self.folder / "earlier"
        target.write_text("earlier")
        os.link(target, earlier)  # which writing into the file would change
        self.measure("--peers", "none", "--rounds", "1")
        self.assertEqual(earlier.read_text(), "earlier")
        self.assertEqual([p.name for p in self.folder.glob("out*")], ["out.json"])

    def test_begins_nothing_when_the_time_is_up(self):
        status, found = self.measure("--peers", "none", "--seconds", "4")
        self.assertEqual(status, 1)
        self.assertIn("no time left for second/f32", self.screen)


if __name__ == "__main__":
    unittest.main()

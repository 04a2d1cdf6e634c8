#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_gpu.py with programs in place of those that ./dev gpu --build packs, with no GPU or a pretended one."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tools"))
import gpu_steps  # noqa: E402
import pack_gpu  # noqa: E402
import run_gpu  # noqa: E402

DOCTEST = "[doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped"
PROBE = """case $1 in
list) echo device; echo loop; echo loop_broken ;;
device) echo 'found        device: pretended'; echo 'as expected  versions: 1' ;;
loop) echo 'OTHERWISE    the result: 9; expected 11'; exit 1 ;;
loop_broken) echo 'found        begun: yes'; kill -SEGV $$ ;;
esac"""
BENCHMARK = """case "$*" in
*--benchmark_list_tests*) echo work/f32/eager/manual_time; echo work/f32/fused/manual_time; exit ;;
esac
for option; do case $option in --benchmark_out=*) out=${option#*=} ;; esac; done
one() { echo '{"run_name": "work/f32/'$1'/manual_time", "median_seconds": '$2', "bytes_per_second": 8e9,
 "copy_bytes_per_second": 1e10, "kernels": '$3'}'; }
echo '{"context": {"executor": "cuda", "device": "pretended", "toolkit": "13.0", "compiler": "12"},' >$out
echo '"benchmarks": [' >>$out
one eager 0.004 4 >>$out; echo , >>$out; one fused 0.001 1 >>$out; echo ']}' >>$out"""
SMI = "echo 'Pretended GPU, 580.1, 1 MiB, 1 MHz, 1 MHz'"


class RunGpu(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        self.root, self.out, self.tools = (self.folder / name for name in ("gpu", "out", "path"))
        for pattern in pack_gpu.FILES:
            for source in TREE.glob(pattern):
                if source.is_file() and source.stat().st_size < 1 << 16:
                    target = self.root / source.relative_to(TREE)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)
        self.programs = []
        (self.root / "bin").mkdir()
        self.tools.mkdir()
        self.add("probe", PROBE)
        for name in ("gpu_wide_indices", "gpu_something_new", "gpu_rows", "gpu_everyday"):
            self.add(name, f"echo '{DOCTEST}'")

    def tearDown(self):
        self.scratch.cleanup()

    def add(self, name, text):
        (self.root / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.root / "bin" / name).chmod(0o644)  # as a transfer may leave it
        if name not in self.programs:
            self.programs.append(name)

    def add_tool(self, name, text):
        (self.tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.tools / name).chmod(0o755)

    def start(self, *options):
        (self.root / "built.json").write_text(json.dumps({"commit": "abc", "toolkit": "13.0.1",
                                                          "programs": self.programs}))
        environment = {**os.environ, "OUT": str(self.out), "PATH": f"{self.tools}:{os.environ['PATH']}"}
        environment.pop("FUSE_BENCH_PYTHON", None)
        return subprocess.Popen([sys.executable, str(self.root / "tools" / "run_gpu.py"), *options], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run_all(self, *options):
        process = self.start(*options)
        self.screen = process.communicate(timeout=120)[0]
        self.results = json.loads((self.out / "results.json").read_text())
        self.status = process.returncode
        return {step["name"]: step for step in self.results["steps"]}

    def wait_for_pid(self, process):
        """That a program writes once it has begun."""
        pid, end = self.folder / "pid", time.monotonic() + 20
        while not (pid.exists() and pid.read_text()):
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                self.fail(process.communicate()[0])
            time.sleep(0.02)

    def verdicts(self, steps):
        return {name: step["verdict"] for name, step in steps.items()}

    def test_all_groups_in_their_order_and_the_simplest_tests_first(self):
        self.add_tool("nvidia-smi", SMI)
        self.add("gpu_graphs_calls", f"echo '{DOCTEST}'")
        steps = list(self.run_all("--seconds", "60", "--python", "/nowhere/python"))
        self.assertEqual(steps[:9], ["nvidia-smi", "device", "loop", "loop_broken", "gpu_everyday", "gpu_rows",
                                     "gpu_graphs_calls", "gpu_something_new", "gpu_wide_indices"])
        groups = [step["group"] for step in self.results["steps"]]
        self.assertEqual(list(dict.fromkeys(groups)), ["device", "probes", "tests", "benchmarks", "sanitizers",
                                                        "counters"])

    def test_each_step_fails_alone(self):
        self.add("gpu_rows", "kill -SEGV $$")
        self.add("gpu_everyday", "echo 'x.cu:7: ERROR: CHECK( a == b ) is NOT correct!'; "
                                 "echo '[doctest] test cases: 3 | 1 passed | 2 failed |'; exit 1")
        self.add("gpu_something_new", "true")
        steps = self.run_all("--only", "probes,tests")
        notes = {name: (step["verdict"], step["note"]) for name, step in steps.items()}
        self.assertEqual(notes, {"device": ("passed", "1 as expected"),
                                 "loop": ("failed", "status 1; the result: 9; expected 11"),
                                 "loop_broken": ("failed", "SIGSEGV; found        begun: yes"),
                                 "gpu_everyday": ("failed", "status 1; 1 passed, 2 failed; "
                                                            "CHECK( a == b ) is NOT correct!"),
                                 "gpu_rows": ("failed", "SIGSEGV"),
                                 "gpu_something_new": ("failed", "it ran no test case"),
                                 "gpu_wide_indices": ("passed", "3 passed, 0 failed")})
        self.assertEqual(self.status, 1)
        self.assertIn("2 passed, 5 failed, 0 timed out, 0 skipped", self.screen)
        self.assertEqual(self.results["probes"]["device"][0], "found        device: pretended")
        self.assertIn("begun: yes", (self.out / "probes.txt").read_text())

    def test_a_program_that_did_not_travel_is_a_failure(self):
        (self.root / "bin" / "gpu_rows").unlink()
        self.assertEqual(self.run_all("--only", "tests")["gpu_rows"]["verdict"], "failed")

    def test_passes_where_all_does(self):
        self.assertEqual(set(self.verdicts(self.run_all("--only", "tests")).values()), {"passed"})
        self.assertEqual(self.status, 0)

    def test_ends_in_time_and_names_what_it_skipped(self):
        for name in ("gpu_everyday", "gpu_rows", "gpu_wide_indices"):
            self.add(name, "echo begun; sleep 61")
        begin = time.monotonic()
        steps = self.run_all("--seconds", "14", "--only", "tests")
        self.assertLess(time.monotonic() - begin, 14)
        self.assertEqual(self.verdicts(steps), {"gpu_everyday": "timed out", "gpu_rows": "skipped",
                                                "gpu_something_new": "skipped", "gpu_wide_indices": "skipped"})
        self.assertEqual(steps["gpu_rows"]["note"], "no time is left")
        self.assertIn("begun", (self.out / "tests.txt").read_text())

    def test_is_all_on_disk_when_it_is_killed(self):
        self.add("gpu_rows", "echo in the middle; exec sleep 61")
        process = self.start("--only", "tests")
        try:
            log = self.out / "tests.txt"
            end = time.monotonic() + 30
            while time.monotonic() < end and not (log.exists() and "in the middle" in log.read_text()):
                time.sleep(0.05)
        finally:
            process.kill()
            process.communicate()
        self.assertIn("passed", (self.out / "summary.txt").read_text())
        found = json.loads((self.out / "results.json").read_text())["steps"]
        self.assertEqual([(s["name"], s["verdict"]) for s in found], [("gpu_everyday", "passed")])
        self.assertIn("in the middle", log.read_text())

    def test_ends_when_told_to_and_says_so(self):
        self.add("gpu_rows", "echo $$ >" + str(self.folder / "pid") + "; sleep 61")
        process = self.start("--only", "tests")
        self.wait_for_pid(process)
        process.terminate()
        screen = process.communicate(timeout=20)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("told to end", screen)
        steps = json.loads((self.out / "results.json").read_text())["steps"]
        self.assertEqual([s["verdict"] for s in steps], ["passed", "timed out"])
        self.assertFalse(pathlib.Path("/proc", (self.folder / "pid").read_text().strip(), "exe").exists())

    def test_benchmarks_go_where_tables_are_made_of_them(self):
        self.add_tool("nvidia-smi", SMI)
        self.add("bench_cuda", BENCHMARK)
        self.add("bench_host", "exit 1")
        steps = self.run_all("--only", "benchmarks", "--python", "/nowhere/python")
        self.assertEqual(steps["bench_cuda"]["verdict"], "passed", self.screen)
        self.assertIn("| work, f32 |", self.screen)
        shown = subprocess.run([sys.executable, str(TREE / "bench" / "report.py"), str(self.out / "results.json")],
                               capture_output=True, text=True, check=True).stdout
        self.assertRegex(shown, r"\| work, f32 +\| +4 → 1 \| .* 80 \| +4.00 \|")
        self.assertIn("pretended; driver 580.1; CUDA 13.0; compiler 12; commit abc", shown)

    def test_a_benchmark_that_hangs_costs_itself(self):
        self.add("bench_cuda", BENCHMARK.replace("echo work/f32/eager", "echo slow/f32/fused/manual_time; echo "
                                                 "work/f32/eager") +
                 "\ncase \"$*\" in *slow*) sleep 61 ;; esac")
        plan = self.root / "tools" / "gpu_steps.py"
        plan.write_text(plan.read_text().replace("WORK_SECONDS = 25, 60", "WORK_SECONDS = 2, 2"))
        begin = time.monotonic()
        steps = self.run_all("--only", "benchmarks", "--python", "/nowhere/python")
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(steps["bench_cuda"]["verdict"], "failed")
        self.assertEqual(list(self.results["benchmarks"]["programs"]["bench_cuda"]["benchmarks"]),
                         ["work/f32/eager", "work/f32/fused"])

    def test_benchmarks_are_on_disk_when_they_are_killed(self):
        self.add("bench_cuda", BENCHMARK.replace("; exit ;;", "; echo z/f32/fused/manual_time; exit ;;") +
                 "\ncase \"$*\" in *z/f32*) sleep 61 ;; esac")
        process = self.start("--only", "benchmarks", "--python", "/nowhere/python")
        measured, end = self.out / "bench_cuda.json", time.monotonic() + 15  # z hangs for longer
        try:
            while time.monotonic() < end and not (measured.exists() and "work/f32/fused" in measured.read_text()):
                time.sleep(0.05)
            self.assertIn("work/f32/fused", measured.read_text())
        finally:
            process.terminate()
            process.communicate(timeout=20)
        results = json.loads((self.out / "results.json").read_text())
        self.assertIn("work/f32/fused", results["benchmarks"]["programs"]["bench_cuda"]["benchmarks"])

    def test_peers_leave_out_all_but_the_benchmarks(self):
        self.add_tool("nvidia-smi", SMI)
        self.add("bench_cuda", BENCHMARK)
        self.add("bench_cuda_graphs", BENCHMARK)
        self.assertEqual(list(self.run_all("--peers", "--python", "/nowhere/python")), ["nvidia-smi", "bench_cuda"])

    def test_tools_that_are_not_there_are_skipped(self):
        steps = self.run_all("--only", "sanitizers,counters")
        for step in steps.values():
            self.assertIn(step["verdict"], ("skipped", "failed"))
        if not shutil.which("ncu", path="/usr/local/cuda/bin:" + os.environ["PATH"]):
            self.assertIn("ncu is neither", steps["counters of gpu_everyday"]["note"])

    def test_sanitizers_are_asked_and_believed(self):
        self.add_tool("compute-sanitizer", f"echo \"$@\"; echo '{DOCTEST}'; case $2 in racecheck) exit 99 ;; esac")
        steps = self.run_all("--only", "sanitizers")
        self.assertEqual(steps["memcheck of gpu_everyday"]["verdict"], "passed")
        self.assertEqual(steps["racecheck of gpu_everyday"]["note"], "status 99; 3 passed, 0 failed")

    def test_few_files_come_back(self):
        self.add_tool("nvidia-smi", SMI)
        self.add("bench_cuda", BENCHMARK)
        self.run_all("--seconds", "60", "--python", "/nowhere/python")
        self.assertEqual({p.name for p in self.out.iterdir()}, {"summary.txt", "results.json", "probes.txt",
                                                                "tests.txt", "benchmarks.txt", "tools.txt"})

    def test_a_second_run_keeps_what_the_first_found(self):
        (self.out / "before-1").mkdir(parents=True)
        (self.out / "mine.json").write_text("{}")
        self.run_all("--only", "tests")
        first = {p.name: p.read_text() for p in self.out.iterdir() if p.is_file() and p.name != "mine.json"}
        self.add("gpu_rows", "exit 1")
        self.assertEqual(self.run_all("--only", "tests")["gpu_rows"]["verdict"], "failed")
        kept = self.out / "before-2"
        self.assertEqual({p.name: p.read_text() for p in kept.iterdir()}, first)
        self.assertIn("gpu_rows", first["tests.txt"])
        self.run_all("--only", "probes")
        self.assertIn("status 1", (self.out / "before-3" / "summary.txt").read_text())
        self.assertEqual((self.out / "mine.json").read_text(), "{}")

    def test_says_so_when_it_ends_before_its_first_step(self):
        self.add_tool("nvidia-smi", f"echo $$ >{self.folder}/pid; exec sleep 61")
        process = self.start("--only", "tests")
        self.wait_for_pid(process)
        process.terminate()
        self.assertIn("told to end", process.communicate(timeout=20)[0])
        self.assertEqual(json.loads((self.out / "results.json").read_text())["steps"], [])

    def test_ends_well_when_told_to_again_and_again(self):
        self.add("gpu_rows", f"echo $$ >{self.folder}/pid; sleep 61")
        process = self.start("--only", "tests")
        self.wait_for_pid(process)
        end = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < end:
            process.terminate()
            time.sleep(0.0005)
        screen = process.communicate(timeout=20)[0]
        self.assertIn("1 passed, 0 failed, 1 timed out", screen)
        self.assertNotIn("Traceback", screen)
        self.assertEqual(process.returncode, 1)

    def test_a_python_that_hangs_costs_its_group_alone(self):
        tools = self.root / "tools"
        for name, whole, short in (("run_benchmarks.py", "PROBE_SECONDS = 20", "PROBE_SECONDS = 1"),
                                   ("gpu_steps.py", '"benchmarks": 160', '"benchmarks": 3.5')):
            (tools / name).write_text((tools / name).read_text().replace(whole, short))
        self.add_tool("python", "exec sleep 61")
        self.add("bench_cuda", BENCHMARK)
        steps = self.run_all("--only", "tests,benchmarks", "--python", str(self.tools / "python"))
        self.assertEqual(steps["gpu_rows"]["verdict"], "passed")
        self.assertIn("the 4 s of benchmarks are used up", steps["bench_cuda"]["note"])

    def test_times_add_up(self):
        self.assertLessEqual(sum(gpu_steps.GROUPS.values()), 540 - run_gpu.AT_THE_END)
        steps = [*gpu_steps.llama_steps(self.root), *gpu_steps.peer_steps(self.root, "python3", None),
                 *gpu_steps.benchmark_steps(self.root, self.out, ["bench_cuda", "bench_cuda_graphs"], False, None)]
        self.assertEqual(len(steps), 4)
        self.assertLess(sum(step.seconds for step in steps), gpu_steps.GROUPS["benchmarks"])
        for group, made in (("counters", gpu_steps.counter_steps(self.root, self.out)),
                            ("device", gpu_steps.device_steps())):
            self.assertLessEqual(sum(step.seconds for step in made), gpu_steps.GROUPS[group])

    def test_every_test_has_its_place_in_the_order(self):
        listed = [*gpu_steps.SIMPLEST_FIRST, *gpu_steps.LAST]
        self.assertEqual(sorted(listed), sorted(p.stem for p in (TREE / "tests" / "cuda").glob("*.cu")))
        graphs = [i for i, name in enumerate(listed) if name.startswith("graphs_")]
        for simple in ("pointwise_float", "cast", "scalars", "rows", "products", "plans", "arguments"):
            self.assertLess(listed.index(simple), graphs[0])
        self.assertEqual(listed[-1], "llama")

    def test_says_what_groups_there_are(self):
        process = self.start("--only", "everything")
        self.assertIn("expected some of device, probes, tests", process.communicate(timeout=20)[0])
        self.assertEqual(process.returncode, 2)


if __name__ == "__main__":
    unittest.main()

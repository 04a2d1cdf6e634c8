# SPDX-License-Identifier: Apache-2.0
"""What run_gpu.py runs, in its order: the questions that everything else rests on come first."""
import dataclasses
import pathlib
import shutil
import sys
import typing

# Seconds that each group of steps may take together, so that none of them starves those behind it: all of them fit into
# a run.
GROUPS = {"device": 20, "probes": 80, "tests": 170, "benchmarks": 160, "sanitizers": 50, "counters": 50}
# Seconds of each step of the benchmarks: they fit into their group, as one that hangs must not cost the others.
BENCHMARKS = {"llama": 20, "bench_cuda_graphs": 30, "bench_cuda": 80, "reach": 25}
LOGS = {"device": "probes.txt", "probes": "probes.txt", "tests": "tests.txt", "benchmarks": "benchmarks.txt",
        "sanitizers": "tools.txt", "counters": "tools.txt"}

# Every tests/cuda/*.cu: one kernel, kernels of a kind, plans of several, calls, graphs; the longest last.
SIMPLEST_FIRST = ("everyday", "pointwise_float", "pointwise_half", "pointwise_integer", "pointwise_tails", "cast",
                  "scalars", "signs", "bool_bytes", "contraction", "half_precision", "op_numerics", "rows",
                  "reductions", "long_rows", "views", "products", "nn", "plans", "side_by_side", "inlined", "arguments",
                  "bad_calls", "memory", "counters_test", "graphs_arguments", "graphs_calls", "graphs_captures",
                  "graphs_foreign", "graphs_sharing", "graphs_buckets", "graphs_flow", "graphs_inspect",
                  "graphs_counts_test", "graphs_rules_test", "graphs_faults_test", "graphs_threads")
LAST = ("wide_indices", "graphs_soak", "llama")
SANITIZED = (("memcheck", "everyday"), ("racecheck", "everyday"), ("memcheck", "graphs_calls"),
             ("initcheck", "products"), ("synccheck", "rows"))
SANITIZED_CASES = 6
WORK_SECONDS, COMPILED_WORK_SECONDS = 25, 60  # of the benchmarks: what one may take, and one with torch.compile
SECONDS = object()  # in a command: how many it may take


@dataclasses.dataclass
class Step:
    group: str
    name: str
    command: list
    seconds: float
    kind: str = "program"  # what its output is: see run_gpu.py
    produces: typing.Optional[pathlib.Path] = None
    missing: str = ""  # why it cannot be run here


def find_tool(name):
    return shutil.which(name) or shutil.which(name, path="/usr/local/cuda/bin")


def device_steps():
    smi = find_tool("nvidia-smi")
    return [Step("device", "nvidia-smi", [smi or "nvidia-smi"], 20, missing="" if smi else "it is not on this machine")]


def probe_steps(root, questions):
    probe = root / "bin" / "probe"
    return [Step("probes", name, [probe, name], 20, "probe") for name in questions]


def test_order(programs):
    """Names of tests without gpu_: the simplest first, the longest last, what is in neither list between them."""
    names = sorted(p.removeprefix("gpu_") for p in programs if p.startswith("gpu_"))
    known = [n for n in SIMPLEST_FIRST if n in names]
    last = [n for n in LAST if n in names]
    return known + [n for n in names if n not in known and n not in last] + last


def test_steps(root, programs):
    return [Step("tests", f"gpu_{name}", [root / "bin" / f"gpu_{name}", "--no-colors", "--duration=true"], 45, "tests")
            for name in test_order(programs)]


def llama_steps(root):
    command = [root / "bin" / "llama", root / "examples" / "llama" / "model", "--demo", "--executor", "cuda"]
    return [Step("benchmarks", "the shipped Llama", command, BENCHMARKS["llama"])]


def peer_steps(root, python, missing):
    return [Step("benchmarks", "what PyTorch reaches", [python, root / "bench" / "peers" / "reach.py"],
                 BENCHMARKS["reach"], "answers", missing=missing or "")]


def benchmark_steps(root, out, programs, compiled, python, seconds=None):
    """With torch.compile within so many seconds."""
    steps = []
    for name in ("bench_cuda_graphs", "bench_cuda"):
        if name not in programs or compiled and name == "bench_cuda_graphs":  # which torch.compile has no like of
            continue
        target = out / f"{name}.json"
        peers, most_of_one = ("compiled", COMPILED_WORK_SECONDS) if compiled else ("eager", WORK_SECONDS)
        command = [sys.executable, "-u", root / "tools" / "run_benchmarks.py", root / "bin", "--programs", name,
                   "--rounds", 1, "--seconds", SECONDS, "--work-seconds", most_of_one, "--peers", peers, "--json",
                   target, "--benchmark_min_time=0.02", *(["--python", python] if python else [])]
        steps.append(Step("benchmarks", name, command, seconds or BENCHMARKS[name], "benchmarks", target))
    return steps


def sanitizer_steps(root):
    tool = find_tool("compute-sanitizer")
    missing = "" if tool else "compute-sanitizer is neither on the PATH nor in /usr/local/cuda/bin"
    return [Step("sanitizers", f"{kind} of gpu_{name}",
                 [tool, "--tool", kind, "--error-exitcode", 99, root / "bin" / f"gpu_{name}", "--no-colors",
                  f"--last={SANITIZED_CASES}"], 20, "tests", missing=missing) for kind, name in SANITIZED]


def counter_steps(root, out):
    ncu = find_tool("ncu")
    missing = "" if ncu else "ncu is neither on the PATH nor in /usr/local/cuda/bin"
    steps = []
    for known in sorted((root / "tests" / "cuda").glob("*.counters")):
        program, target = root / "bin" / f"gpu_{known.stem}", out / f"{known.stem}.counters.json"
        steps.append(Step("counters", f"counters of {program.name}",
                          [sys.executable, "-u", root / "tools" / "compare_counters.py", "measure", known, program,
                           "--json", target], 25, "counters", target, missing))
        steps.append(Step("counters", f"what bounds the kernels of {program.name}",
                          [ncu, "--csv", "--clock-control", "none", "--section", "SpeedOfLight", "--section",
                           "Occupancy", "--section", "LaunchStats", program], 25, missing=missing))
    return steps

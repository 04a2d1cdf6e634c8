#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The works of the benchmarks through PyTorch, eager and torch.compile: started and asked by tools/run_benchmarks.py,
so that its calls alternate with those of fuse. Reads one JSON object a line, answers each with one; whatever else is
printed, by torch or a compiler that it starts, goes to stderr.

    {"do": "about"}                                     -> versions, threads
    {"do": "check", "directory": D}                     -> largest relative difference to each work's dumped results
    {"do": "prepare", "work": W, "dtype": T}            -> {} once everything is compiled
    {"do": "measure", "work": W, "dtype": T, "seconds": S} -> seconds of calls: {"eager": [...]}, and with --compile
                                                              {"eager": [...], "compiled": [...]}

Options: --device cpu|cuda, --threads N, --compile
"""
import argparse
import ast
import itertools
import json
import os
import pathlib
import re
import struct
import sys
import time
import warnings

warnings.filterwarnings("ignore")
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import torch  # noqa: E402

import torch_works  # noqa: E402

LEAST_CALLS, MOST_CALLS = 3, 200
IN_A_ROW, MOST_SETS = 8, 8


def read_npy(path):
    """A .npy file as a tensor; a 16-bit pattern is a bf16."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<H", data, 8)
    header = ast.literal_eval(data[10:10 + length].decode())
    types = {"<f4": torch.float32, "<f8": torch.float64, "<f2": torch.float16, "<i8": torch.int64,
             "<u2": torch.bfloat16}
    flat = torch.frombuffer(bytearray(data[10 + length:]), dtype=types[header["descr"]])
    return flat.reshape(header["shape"])


def read_all(directory, stem):
    found = {}
    for path in directory.glob("*.npy"):
        number = re.fullmatch(re.escape(stem) + r"\.(\d+)\.npy", path.name)
        if number:
            found[int(number.group(1))] = path
    return [read_npy(found[i]) for i in range(len(found))]


def as_tuple(x):
    return x if isinstance(x, tuple) else (x,)


class Peer:
    def __init__(self, device, compiles):
        self.device, self.compiles = device, compiles
        self.ready = {}  # (work, dtype): {"eager": call, "compiled": call}

    def about(self):
        if self.device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("this PyTorch has no CUDA device")
        return {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": self.device}

    def check(self, directory):
        """max |Δ| / max |expected| over the results of each work, where fuse's results are the expected ones."""
        differences = {}
        for name, (_, prepare) in torch_works.WORKS.items():
            for dtype in torch_works.DTYPES:
                inputs = read_all(pathlib.Path(directory), f"{name}.{dtype}.in")
                expected = read_all(pathlib.Path(directory), f"{name}.{dtype}.out")
                if not inputs or not expected:
                    continue
                function, arguments = prepare(*(x.to(self.device) for x in inputs))
                with torch.no_grad():
                    results = as_tuple(function(*arguments))
                worst = 0.0
                for got, want in zip(results, expected, strict=True):
                    want = want.double()
                    worst = max(worst, float((got.cpu().double() - want).abs().max() / want.abs().max()))
                differences[f"{name}/{dtype}"] = worst
        return {"differences": differences}

    def sets(self, work, dtype):
        """Arguments to call in turn: on a device so many that twice its L2 cache is touched between two uses of one."""
        make, bind = torch_works.WORKS[work]
        first = make(torch_works.Source(torch_works.DTYPES[dtype], self.device))
        function, arguments = bind(*first)
        if self.device != "cuda" or isinstance(function, torch.nn.Module):  # whose weights alone are more than that
            return function, [arguments]
        bytes_of_one = 2 * sum(x.nbytes for x in first)  # results are about as large
        count = 2 + int(2 * torch.cuda.get_device_properties(0).L2_cache_size / bytes_of_one)
        return function, [arguments] + [[x.clone() for x in arguments] for _ in range(min(count, MOST_SETS) - 1)]

    def prepare(self, work, dtype):
        function, sets = self.sets(work, dtype)
        ways = {"eager": function}
        if self.compiles:
            ways["compiled"] = torch.compile(function, dynamic=False)
        turn = itertools.cycle(sets)
        self.ready[work, dtype] = {name: lambda way=way: way(*next(turn)) for name, way in ways.items()}
        with torch.no_grad():
            for call in self.ready[work, dtype].values():
                call()
                call()
        return {}

    def seconds_of(self, call):
        """Of one call: on a device of several in a row, between events, as fuse's are timed."""
        if self.device != "cuda":
            start = time.perf_counter()
            result = call()
            seconds = time.perf_counter() - start
            del result  # giving memory back is not timed
            return seconds
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(IN_A_ROW):
            call()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e-3 / IN_A_ROW

    def measure(self, work, dtype, seconds):
        """Seconds of calls, the ways in turn."""
        if (work, dtype) not in self.ready:
            self.prepare(work, dtype)
        calls = self.ready[work, dtype]
        times = {name: [] for name in calls}
        with torch.no_grad():
            for call in calls.values():
                call()
            begin = time.perf_counter()
            for count in range(MOST_CALLS):
                if count >= LEAST_CALLS and time.perf_counter() - begin > seconds:
                    break
                for name, call in calls.items():
                    times[name].append(self.seconds_of(call))
        return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--compile", action="store_true", help="torch.compile too")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    peer = Peer(options.device, options.compile)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop("do"))(**request)
        except Exception as failure:  # a work that PyTorch cannot run is a line of the report, not its end
            answer = {"error": f"{type(failure).__name__}: {failure}".splitlines()[0]}
        print(json.dumps(answer), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main()

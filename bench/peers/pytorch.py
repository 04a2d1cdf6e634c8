#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The works of the benchmarks through PyTorch, eager and torch.compile: started and asked by tools/run_benchmarks.py,
so that its calls alternate with those of fuse. Reads one JSON object a line, answers each with one.

    {"do": "about"}                                     -> versions, threads
    {"do": "check", "directory": D}                     -> largest relative difference to each work's dumped results
    {"do": "prepare", "work": W, "dtype": T}            -> {} once everything is compiled
    {"do": "measure", "work": W, "dtype": T, "seconds": S} -> seconds of calls: {"eager": [...], "compiled": [...]}

Options: --device cpu|cuda, --threads N
"""
import argparse
import ast
import json
import pathlib
import re
import struct
import sys
import time
import warnings

warnings.filterwarnings("ignore")
import torch  # noqa: E402

import torch_works  # noqa: E402

LEAST_CALLS, MOST_CALLS = 3, 200


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
    def __init__(self, device):
        self.device = device
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

    def prepare(self, work, dtype):
        make, bind = torch_works.WORKS[work]
        function, arguments = bind(*make(torch_works.Source(torch_works.DTYPES[dtype], self.device)))
        compiled = torch.compile(function, dynamic=False)
        self.ready[work, dtype] = {"eager": lambda: function(*arguments), "compiled": lambda: compiled(*arguments)}
        with torch.no_grad():
            for call in self.ready[work, dtype].values():
                call()
                call()
        return {}

    def synchronize(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def measure(self, work, dtype, seconds):
        """Seconds of calls, the two ways in turn; on a device of several in a row, as fuse's are timed."""
        if (work, dtype) not in self.ready:
            self.prepare(work, dtype)
        calls = self.ready[work, dtype]
        times = {name: [] for name in calls}
        in_a_row = 10 if self.device == "cuda" else 1
        with torch.no_grad():
            for call in calls.values():
                call()
            self.synchronize()
            begin = time.perf_counter()
            for count in range(MOST_CALLS):
                if count >= LEAST_CALLS and time.perf_counter() - begin > seconds:
                    break
                for name, call in calls.items():
                    start = time.perf_counter()
                    for _ in range(in_a_row):
                        result = call()
                    self.synchronize()
                    times[name].append((time.perf_counter() - start) / in_a_row)
                    del result
        return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    peer = Peer(options.device)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop("do"))(**request)
        except Exception as failure:  # a work that PyTorch cannot run is a line of the report, not its end
            answer = {"error": f"{type(failure).__name__}: {failure}".splitlines()[0]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What PyTorch's own kernels reach on a GPU, in graphs, so that launches cost nothing: a copy, rows, products of one
row by a weight, attention of one token over many, a large product. One line each: microseconds, TB/s or TFLOP/s."""
import sys

import torch
import torch.nn.functional as F

CALLS, REPLAYS = 20, 30
BF16 = {"device": "cuda", "dtype": torch.bfloat16}
WEIGHTS = ((2048, 2048), (3072, 2048), (16384, 2048), (2048, 8192), (4096, 4096), (28672, 4096), (4096, 14336),
           (128256, 2048))  # out, in: layers and heads of Llama 3 1B and 8B
POSITIONS = (256, 1024, 8192, 131072)


def microseconds(call):
    """Of one of several calls in a graph, the quickest replay."""
    call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(CALLS):
            call()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    best = float("inf")
    for _ in range(REPLAYS):
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        best = min(best, 1e3 * begin.elapsed_time(end) / CALLS)
    return best


def show(name, call, bytes_moved=0, operations=0):
    us = microseconds(call)
    rate = f"{bytes_moved / us * 1e-6:.3f} TB/s" if bytes_moved else f"{operations / us * 1e-6:.1f} TFLOP/s"
    print(f"measured     {name}: {us:.2f} us, {rate}", flush=True)


def in_turn(make, bytes_of_one):
    """next(), over so many that the L2 cache keeps none of them."""
    kept = [make() for _ in range(max(2, 300_000_000 // bytes_of_one))]
    count = 0

    def following():
        nonlocal count
        count += 1
        return kept[count % len(kept)]

    return following


def main():
    if not torch.cuda.is_available():
        sys.exit("this PyTorch has no CUDA device")
    torch.manual_seed(1)
    n = 4096
    x = in_turn(lambda: torch.randn(n, n, **BF16), 2 * n * n)
    y, weight = torch.empty(n, n, **BF16), torch.randn(n, **BF16)
    show("copy", lambda: y.copy_(x()), 4 * n * n)
    show("softmax", lambda: F.softmax(x(), -1), 4 * n * n)
    show("rms_norm", lambda: F.rms_norm(x(), (n,), weight), 4 * n * n)
    for out, into in WEIGHTS:
        row, weights = torch.randn(1, into, **BF16), in_turn(lambda: torch.randn(out, into, **BF16), 2 * out * into)
        show(f"one row by {out} x {into}", lambda: F.linear(row, weights()), 2 * out * into)
    for positions in POSITIONS:
        q = torch.randn(1, 32, 1, 64, **BF16)
        k, v = (torch.randn(1, 8, positions, 64, **BF16) for _ in range(2))
        show(f"attention of one token over {positions}",
             lambda: F.scaled_dot_product_attention(q, k, v, enable_gqa=True), 2 * k.nbytes)
    q, k, v = (torch.randn(1, heads, 2048, 64, **BF16) for heads in (32, 8, 8))
    show("causal attention of 2048 tokens",
         lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True),
         operations=2 * 2048**2 * 32 * 64)
    a, b = torch.randn(2048, 2048, **BF16), torch.randn(8192, 2048, **BF16)
    show("2048 rows by 8192 x 2048", lambda: F.linear(a, b), operations=2 * 2048 * 8192 * 2048)


if __name__ == "__main__":
    with torch.no_grad():
        main()

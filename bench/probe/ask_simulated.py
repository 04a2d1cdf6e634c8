#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the simulated device what the probe asks a driver: ask_simulated.py PROBE. It must answer as is expected."""
import os
import subprocess
import sys

# Times of the simulated device say nothing; a loop within the node's own broken capture is said to end in a crash.
NOT_ASKED = ("call_costs", "memory_pool", "early_costs", "rebinding_costs", "bandwidth", "latency", "loop_broken")

probe = sys.argv[1]
listed = subprocess.run([probe, "list"], check=True, capture_output=True, text=True).stdout.split()
failed = 0
for name in listed:
    if name in NOT_ASKED:
        continue
    done = subprocess.run([probe, name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "FUSE_BENCH_DIVIDE": "25"}, timeout=300)
    print(f"{name}: status {done.returncode}\n{done.stdout}", flush=True)
    failed += done.returncode != 0
sys.exit(1 if failed or len(listed) < 15 else 0)

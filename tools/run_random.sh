#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run_random.sh BUILD COUNT: compiles and runs COUNT random programs of new seeds on the host, and on the simulated
# device where BUILD has it. The first that fails is shrunk and printed.
set -euo pipefail
build=${1:?usage: run_random.sh BUILD COUNT}
count=${2:?usage: run_random.sh BUILD COUNT}
include="-I include -I tests/random"
seed=$(date +%s)
tests/random/fuzz.py --seed "$seed" --count "$count" --work "$build/random" \
  --compile "g++ -std=c++20 -O1 $include {sources} -o {program}"
simulator=$build/tests/libfuse_sim.a
if [ -n "${CUDACXX:-}" ] && [ -e "$simulator" ]; then
  tests/random/fuzz.py --seed "$seed" --count "$count" --work "$build/random" --cuda \
    --compile "$CUDACXX -std=c++20 -O2 -arch=sm_90 --no-compress -cudart none $include {sources} $simulator \
      -o {program}"
fi

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run_fuzz.sh DIRECTORY COUNT: runs every fuzz target in DIRECTORY on COUNT inputs, with a seed of its own that it
# prints. What it finds new joins DIRECTORY/fuzz/found, from where the next run goes on.
set -euo pipefail
directory=${1:?usage: run_fuzz.sh DIRECTORY COUNT}
count=${2:?usage: run_fuzz.sh DIRECTORY COUNT}
dictionaries=$(cd "$(dirname "$0")/../tests/fuzz" && pwd)
"$directory/make_corpus" "$directory/fuzz/corpus"
passed=0 failed=0
for target in "$directory"/*_fuzz; do
  name=$(basename "$target" _fuzz)
  mkdir -p "$directory/fuzz/found/$name"
  options=(-runs="$count" -artifact_prefix="$directory/fuzz/$name-" -print_final_stats=1)
  [ ! -e "$dictionaries/$name.dict" ] || options+=(-dict="$dictionaries/$name.dict")
  echo "$name: $count inputs"
  if "$target" "${options[@]}" "$directory/fuzz/found/$name" "$directory/fuzz/corpus/$name" 2>&1 |
    grep -E 'Seed|ERROR|SUMMARY|BINGO|artifact|Base64|stat::number|pulse'; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

// SPDX-License-Identifier: Apache-2.0
// Rows written into a cache where indices say, read 16 bytes at a time.
#include "call.cuh"

constexpr auto append =
    fx::compile<"append">([](auto cache, auto rows, auto values) { return fx::scatter<0>(cache, rows, values); });
void call() {
  instantiate(append, fx::tensor<fx::bf16, fx::extents<fx::dyn, 1024>>{},
              fx::tensor<std::int32_t, fx::extents<fx::dyn>>{}, fx::tensor<fx::bf16, fx::extents<fx::dyn, 1024>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-1: ld.global{{[a-z.]*}}.s32
// LOAD-COUNT-1: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

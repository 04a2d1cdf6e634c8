// SPDX-License-Identifier: Apache-2.0
// Rows of any length, aligned or not: a path of 16-byte accesses and one of single elements.
#include "call.cuh"

constexpr auto dynamic_row =
    fx::compile<"rms_norm">([](auto x, auto w) { return x * fx::rsqrt(fx::mean(x * x, fx::row) + 1e-5f) * w; });
void call() {
  instantiate(dynamic_row, fx::tensor<fx::bf16, fx::extents<fx::dyn, fx::dyn>>{},
              fx::tensor<fx::bf16, fx::extents<fx::dyn>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-2: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global{{[a-z.]*}}.v4
// STORE-COUNT-1: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global{{[a-z.]*}}.v4
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

// SPDX-License-Identifier: Apache-2.0
// The row is read once and held in registers.
#include "call.cuh"

constexpr auto rms_norm =
    fx::compile<"rms_norm">([](auto x, auto w) { return x * fx::rsqrt(fx::mean(x * x, fx::row) + 1e-5f) * w; });
void call() {
  instantiate(rms_norm, fx::tensor<fx::bf16, fx::extents<fx::dyn, 2048>>{}, fx::tensor<fx::bf16, fx::extents<2048>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-2: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-1: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

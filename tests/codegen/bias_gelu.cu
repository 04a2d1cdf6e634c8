// SPDX-License-Identifier: Apache-2.0
// A row vector broadcast over rows is loaded like any other input.
#include "call.cuh"

constexpr auto bias_gelu = fx::compile<"bias_gelu">([](auto x, auto b) { return fx::gelu(x + b); });
void call() {
  instantiate(bias_gelu, fx::tensor<fx::bf16, fx::extents<fx::dyn, 4096>>{}, fx::tensor<fx::bf16, fx::extents<4096>>{});
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

// SPDX-License-Identifier: Apache-2.0
// A residual sum, its norm, two outputs: three loads, two stores.
#include "call.cuh"

constexpr auto add_rms_norm = fx::compile<"add_rms_norm">([](auto x, auto r, auto w) {
  auto h = x + r;
  return fx::outputs(h, h * fx::rsqrt(fx::mean(h * h, fx::row) + 1e-5f) * w);
});
void call() {
  instantiate(add_rms_norm, fx::tensor<fx::bf16, fx::extents<fx::dyn, 2048>>{},
              fx::tensor<fx::bf16, fx::extents<fx::dyn, 2048>>{}, fx::tensor<fx::bf16, fx::extents<2048>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-3: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-2: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

// SPDX-License-Identifier: Apache-2.0
// Two reductions that depend on each other, one read of the row.
#include "call.cuh"

constexpr auto layer_norm = fx::compile<"layer_norm">([](auto x, auto w, auto b) {
  auto d = x - fx::mean(x, fx::row);
  return d * fx::rsqrt(fx::mean(d * d, fx::row) + 1e-5f) * w + b;
});
void call() {
  instantiate(layer_norm, fx::tensor<fx::bf16, fx::extents<fx::dyn, 2048>>{}, fx::tensor<fx::bf16, fx::extents<2048>>{},
              fx::tensor<fx::bf16, fx::extents<2048>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-3: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-1: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

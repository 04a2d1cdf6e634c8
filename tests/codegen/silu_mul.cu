// SPDX-License-Identifier: Apache-2.0
// SwiGLU's activation in bf16: eight elements an access.
#include "call.cuh"

constexpr auto silu_mul = fx::compile<"silu_mul">([](auto g, auto u) { return fx::silu(g) * u; });
void call() {
  instantiate(silu_mul, fx::tensor<fx::bf16, fx::extents<fx::dyn, 14336>>{},
              fx::tensor<fx::bf16, fx::extents<fx::dyn, 14336>>{});
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

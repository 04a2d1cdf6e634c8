// SPDX-License-Identifier: Apache-2.0
// A change of dtype: 16 bytes of the narrower type at a time.
#include "call.cuh"

constexpr auto cast = fx::compile<"cast">([](auto x) { return fx::cast<fx::bf16>(x); });
void call() { instantiate(cast, fx::tensor<float, fx::extents<fx::dyn, 4096>>{}); }

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-2: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-1: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

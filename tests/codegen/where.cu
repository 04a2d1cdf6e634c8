// SPDX-License-Identifier: Apache-2.0
// A comparison feeds a selection without leaving registers.
#include "call.cuh"

constexpr auto where = fx::compile<"where">([](auto a, auto b) { return fx::where(a < b, a * 2.f, b); });
void call() {
  instantiate(where, fx::tensor<fx::f16, fx::extents<fx::dyn, 4096>>{},
              fx::tensor<fx::f16, fx::extents<fx::dyn, 4096>>{});
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

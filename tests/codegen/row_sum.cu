// SPDX-License-Identifier: Apache-2.0
// A reduction alone: one load, one element stored a row.
#include "call.cuh"

constexpr auto row_sum = fx::compile<"row_sum">([](auto x) { return fx::sum(x, fx::axis<-1>); });
void call() { instantiate(row_sum, fx::tensor<float, fx::extents<fx::dyn, 1024>>{}); }

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-2: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-1: st.global.f32
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

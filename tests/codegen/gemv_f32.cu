// SPDX-License-Identifier: Apache-2.0
// A row times a weight stored [out, in]: both are read along the contraction.
#include "call.cuh"

constexpr auto gemv_f32 = fx::compile<"gemv">([](auto x, auto w) { return fx::linear(x, w); });
void call() {
  instantiate(gemv_f32, fx::tensor<float, fx::extents<1, 2048>>{}, fx::tensor<float, fx::extents<4096, 2048>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-16: ld.global{{[a-z.]*}}.v4
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])}} registers

// SPDX-License-Identifier: Apache-2.0
// A product of any number of rows, its bias and its activation: one kernel.
#include "call.cuh"

constexpr auto epilogue = fx::compile<"epilogue">([](auto x, auto w, auto b) { return fx::gelu(fx::linear(x, w, b)); });
void call() {
  instantiate(epilogue, fx::tensor<fx::bf16, fx::extents<fx::dyn, 1024>>{},
              fx::tensor<fx::bf16, fx::extents<4096, 1024>>{}, fx::tensor<fx::bf16, fx::extents<4096>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-16: ld.global{{[a-z.]*}}.v4
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads

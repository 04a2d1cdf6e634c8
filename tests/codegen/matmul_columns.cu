// SPDX-License-Identifier: Apache-2.0
// A product whose right operand is read along its columns.
#include "call.cuh"

constexpr auto columns = fx::compile<"columns">([](auto a, auto b) { return fx::matmul(a, b); });
void call() {
  instantiate(columns, fx::tensor<fx::bf16, fx::extents<fx::dyn, 512>>{},
              fx::tensor<fx::bf16, fx::extents<512, 1024>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD: ld.global{{[a-z.]*}}.v4
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])}} registers

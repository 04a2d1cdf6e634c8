// SPDX-License-Identifier: Apache-2.0
// A row times three weights of two widths is one kernel of two parts, one of them with two results.
#include "call.cuh"

constexpr auto side_by_side = fx::compile<"projections">(
    [](auto x, auto q, auto k, auto v) { return fx::outputs(fx::linear(x, q), fx::linear(x, k), fx::linear(x, v)); });
void call() {
  using narrow = fx::tensor<fx::bf16, fx::extents<512, 2048>>;
  instantiate(side_by_side, fx::tensor<fx::bf16, fx::extents<1, 2048>>{},
              fx::tensor<fx::bf16, fx::extents<4096, 2048>>{}, narrow{}, narrow{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-16: ld.global{{[a-z.]*}}.v4
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])}} registers

// SPDX-License-Identifier: Apache-2.0
// A row too long for registers waits in scratch memory between its passes.
#include "call.cuh"

constexpr auto long_row = fx::compile<"softmax">([](auto x) {
  auto e = fx::exp(x - fx::max(x, fx::row));
  return e / fx::sum(e, fx::row);
});
void call() { instantiate(long_row, fx::tensor<fx::bf16, fx::extents<fx::dyn, 131072>>{}); }

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-1: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-1: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

// SPDX-License-Identifier: Apache-2.0
// The same in bf16 with the logarithm outside.
#include "call.cuh"

constexpr auto log_softmax = fx::compile<"log_softmax">([](auto x) {
  auto s = x - fx::max(x, fx::row);
  return s - fx::log(fx::sum(fx::exp(s), fx::row));
});
void call() { instantiate(log_softmax, fx::tensor<fx::bf16, fx::extents<fx::dyn, 2048>>{}); }

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-1: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-1: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

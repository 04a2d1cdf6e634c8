// SPDX-License-Identifier: Apache-2.0
// Maximum, sum and quotient over one read of the row.
#include "call.cuh"

constexpr auto softmax = fx::compile<"softmax">([](auto x) {
  auto e = fx::exp(x - fx::max(x, fx::row));
  return e / fx::sum(e, fx::row);
});
void call() { instantiate(softmax, fx::tensor<float, fx::extents<fx::dyn, 1024>>{}); }

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-2: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-2: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

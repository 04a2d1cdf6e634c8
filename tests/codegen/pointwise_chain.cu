// SPDX-License-Identifier: Apache-2.0
// Five operations, three inputs, each loaded once however often it is used.
#include "call.cuh"

constexpr auto pointwise_chain =
    fx::compile<"pointwise_chain">([](auto a, auto b, auto c) { return (a * b + c) * a - fx::max(b, c); });
void call() {
  instantiate(pointwise_chain, fx::tensor<float, fx::extents<fx::dyn, 4096>>{},
              fx::tensor<float, fx::extents<fx::dyn, 4096>>{}, fx::tensor<float, fx::extents<fx::dyn, 4096>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-3: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-1: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

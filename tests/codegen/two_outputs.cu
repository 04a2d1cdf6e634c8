// SPDX-License-Identifier: Apache-2.0
// Independent results over one index space share their input.
#include "call.cuh"

constexpr auto two_outputs = fx::compile<"two_outputs">([](auto x) { return fx::outputs(fx::exp(x), x * x); });
void call() { instantiate(two_outputs, fx::tensor<float, fx::extents<fx::dyn, 4096>>{}); }

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-1: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-2: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

// SPDX-License-Identifier: Apache-2.0
// One query token of grouped heads over a cache: scores, softmax and weighted values in one kernel.
#include <fuse/nn/attention.hpp>

#include "call.cuh"

constexpr auto attention =
    fx::compile<"attention">([](auto q, auto k, auto v, auto past) { return fx::nn::causal_attention(q, k, v, past); });
void call() {
  instantiate(attention, fx::tensor<fx::bf16, fx::extents<8, 4, 1, 64>>{},
              fx::tensor<fx::bf16, fx::extents<8, fx::dyn, 64>>{}, fx::tensor<fx::bf16, fx::extents<8, fx::dyn, 64>>{},
              std::int64_t(0));
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-16: ld.global{{[a-z.]*}}.v4
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])}} registers

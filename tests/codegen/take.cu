// SPDX-License-Identifier: Apache-2.0
// Rows of a table, and 0 where there is none: 16 bytes of a row at a time.
#include "call.cuh"

constexpr auto embed = fx::compile<"embed">([](auto table, auto rows) { return fx::take(table, rows); });
void call() {
  instantiate(embed, fx::tensor<fx::bf16, fx::extents<32000, 2048>>{},
              fx::tensor<std::int32_t, fx::extents<fx::dyn>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// LOAD-COUNT-1: ld.global{{[a-z.]*}}.s32
// LOAD-COUNT-1: ld.global{{[a-z.]*}}.v4
// LOAD-NOT: ld.global
// STORE-COUNT-1: st.global{{[a-z.]*}}.v4
// STORE-NOT: st.global
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: Used {{([0-9]|[1-5][0-9]|6[0-4])}} registers

// SPDX-License-Identifier: Apache-2.0
// A product and a sum that users write are two roundings: neither nvcc nor ptxas makes an fma of them.
#include "call.cuh"

constexpr auto f = fx::compile<"f">([](auto a, auto b) { return a * a - b * b; });
void call() {
  instantiate(f, fx::tensor<float, fx::extents<fx::dyn, 4096>>{}, fx::tensor<float, fx::extents<fx::dyn, 4096>>{});
}

// ENTRY-COUNT-1: .visible .entry
// ENTRY-NOT: .entry
// PRODUCT-COUNT-8: mul.rn.f32
// PRODUCT-NOT: {{(mul|fma)[a-z.]*}}.f32
// SUM-COUNT-4: sub.rn.f32
// SUM-NOT: {{(add|sub|fma)[a-z.]*}}.f32

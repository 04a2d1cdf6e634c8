// SPDX-License-Identifier: Apache-2.0
// Functions whose traffic is counted: each is one kernel.
#pragma once
#include <cstdint>
#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>

namespace everyday {

namespace fx = fuse;

template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;

constexpr auto add_rms_norm = fx::compile<"add_rms_norm">([](auto x, auto residual, auto weight) {
  auto h = x + residual;
  return fx::outputs(h, fx::nn::rms_norm(h, weight, 1e-5f));
});
constexpr auto softmax = fx::compile<"softmax">([](auto x) { return fx::nn::softmax(x); });
constexpr auto silu_mul = fx::compile<"silu_mul">([](auto gate, auto up) { return fx::silu(gate) * up; });
constexpr auto linear = fx::compile<"linear">([](auto x, auto weight) { return fx::linear(x, weight); });
constexpr auto attention = fx::compile<"attention">([](auto q, auto k, auto v) { return fx::nn::attention(q, k, v); });
constexpr auto causal_attention =
    fx::compile<"causal_attention">([](auto q, auto k, auto v) { return fx::nn::causal_attention(q, k, v, 0); });

/// A tensor with values in [-1, 1), the same at every call.
template <class T>
T made(const typename T::lengths& extents) {
  T x(extents);
  unsigned state = 12345;
  for (fx::index i = 0; i < x.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    x[i] = typename T::element_type(float(state >> 8) / float(1 << 23) - 1.f);
  }
  return x;
}

}  // namespace everyday

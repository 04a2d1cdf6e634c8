// SPDX-License-Identifier: Apache-2.0
#include <fuse/nn/gated.hpp>

#include "compare.hpp"

using namespace nn_test;

namespace {

constexpr auto swiglu = fx::compile<"swiglu">([](auto g, auto u) { return fx::nn::swiglu(g, u); });
constexpr auto geglu = fx::compile<"geglu">([](auto g, auto u) { return fx::nn::geglu(g, u); });
constexpr auto projected = fx::compile<"swiglu_projections">(
    [](auto x, auto gate, auto up) { return fx::nn::swiglu(fx::linear(x, gate), fx::linear(x, up)); });

double silu(double x) { return x / (1 + std::exp(-x)); }
double gelu(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }

numbers combine(const numbers& g, const numbers& u, double (*activation)(double)) {
  numbers r;
  for (std::size_t i = 0; i < g.size(); ++i) r.push_back(activation(g[i]) * u[i]);
  return r;
}
numbers linear(const numbers& x, const numbers& w, std::size_t depth) {
  numbers r;
  for (std::size_t row = 0; row < x.size(); row += depth)
    for (std::size_t out = 0; out < w.size(); out += depth) {
      double sum = 0;
      for (std::size_t k = 0; k < depth; ++k) sum += x[row + k] * w[out + k];
      r.push_back(sum);
    }
  return r;
}

}  // namespace

TEST_CASE_TEMPLATE("swiglu and geglu: element by element", T, FUSE_NN_FLOATS) {
  const auto g = random<matrix<T>>({5, 67}, 1, 3), u = random<matrix<T>>({5, 67}, 2);
  check(swiglu, 1, combine(numbers_of(g), numbers_of(u), silu), g, u);
  check(geglu, 1, combine(numbers_of(g), numbers_of(u), gelu), g, u);
}

TEST_CASE_TEMPLATE("swiglu: both projections and the gate are one kernel", T, float, fuse::bf16) {
  for (fx::index rows : {1, 3, 9}) {
    const auto x = random<matrix<T>>({rows, 40}, 1);
    const auto gate = random<matrix<T>>({70, 40}, 2, 0.3), up = random<matrix<T>>({70, 40}, 3, 0.3);
    const numbers in = numbers_of(x);
    check(projected, 1, combine(linear(in, numbers_of(gate), 40), linear(in, numbers_of(up), 40), silu), x, gate, up);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "compositions.hpp"

using namespace nn_test;

namespace {

constexpr auto projected = fx::compile<"swiglu_projections">(
    [](auto x, auto gate, auto up) { return fx::nn::swiglu(fx::linear(x, gate), fx::linear(x, up)); });

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

TEST_CASE_TEMPLATE("swiglu and geglu: element by element", T, FUSE_NN_FLOATS) { check_gated<T>(); }

TEST_CASE_TEMPLATE("swiglu: both projections and the gate are one kernel", T, float, fuse::bf16) {
  for (fx::index rows : {1, 3, 9}) {
    const auto x = random<matrix<T>>({rows, 40}, 1);
    const auto gate = random<matrix<T>>({70, 40}, 2, 0.3), up = random<matrix<T>>({70, 40}, 3, 0.3);
    const numbers in = numbers_of(x);
    check(projected, 1, exact_gated(linear(in, numbers_of(gate), 40), linear(in, numbers_of(up), 40), exact_silu), x,
          gate, up);
  }
}

// SPDX-License-Identifier: Apache-2.0
// One launch of each function whose counters are kept in everyday.counters, in their order, with the results of the
// host.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "everyday.hpp"

namespace {

using namespace everyday;
using fx::bf16, fx::dyn;

template <class T, class E>
void check_near(const fx::tensor<T, E>& found, const fx::tensor<T, E>& expected) {
  REQUIRE(found.size() == expected.size());
  double largest = 0, error = 0;
  for (fx::index i = 0; i < found.size(); ++i) {
    const double x = float(found[i]), y = float(expected[i]);
    REQUIRE(std::isfinite(x));
    largest = std::max(largest, std::abs(y));
    error = std::max(error, std::abs(x - y));
  }
  CHECK(largest > 0);
  CHECK(error <= largest * (sizeof(T) == 2 ? 1. / 128 : 1e-5));
}

template <class F, class... T>
void check(const F& function, const T&... arguments) {
  fx::host_executor<> host;
  fx::cuda_executor<> gpu{cudaStream_t{}};
  const auto expected = function(host, arguments...), found = function(gpu, gpu.upload(arguments)...);
  if constexpr (requires { expected.view(); }) {
    check_near(gpu.download(found), expected);
  } else {
    check_near(gpu.download(std::get<0>(found)), std::get<0>(expected));
    check_near(gpu.download(std::get<1>(found)), std::get<1>(expected));
  }
}

}  // namespace

TEST_CASE("add + RMSNorm") {
  using rows = tensor<bf16, dyn, 4096>;
  check(add_rms_norm, made<rows>({64, 4096}), made<rows>({64, 4096}), made<tensor<bf16, 4096>>({4096}));
}
TEST_CASE("softmax of rows held in registers") { check(softmax, made<tensor<float, dyn, 1024>>({64, 1024})); }
TEST_CASE("softmax of rows of a run-time length") { check(softmax, made<tensor<float, dyn, dyn>>({64, 3072})); }
TEST_CASE("silu * mul") {
  using rows = tensor<bf16, dyn, 2048>;
  check(silu_mul, made<rows>({64, 2048}), made<rows>({64, 2048}));
}
TEST_CASE("a matrix times one row") {
  check(linear, made<tensor<bf16, 1, 1024>>({1, 1024}), made<tensor<bf16, 512, 1024>>({512, 1024}));
}
TEST_CASE("a matrix times many rows") {
  check(linear, made<tensor<bf16, 128, 512>>({128, 512}), made<tensor<bf16, 256, 512>>({256, 512}));
}
TEST_CASE("attention of one query a head") {
  using keys = tensor<bf16, 8, dyn, 64>;
  check(attention, made<tensor<bf16, 8, 1, 64>>({8, 1, 64}), made<keys>({8, 512, 64}), made<keys>({8, 512, 64}));
}
TEST_CASE("causal attention") {
  using rows = tensor<bf16, 4, dyn, 64>;
  check(causal_attention, made<rows>({4, 64, 64}), made<rows>({4, 64, 64}), made<rows>({4, 64, 64}));
}

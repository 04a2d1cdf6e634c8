// SPDX-License-Identifier: Apache-2.0
#include <fuse/nn/softmax.hpp>

#include "compare.hpp"

using namespace nn_test;

namespace {

constexpr auto softmax = fx::compile<"softmax">([](auto x) { return fx::nn::softmax(x); });
constexpr auto log_softmax = fx::compile<"log_softmax">([](auto x) { return fx::nn::log_softmax(x); });

using fixed = fx::view<const float, extents<5, 48>>;
static_assert(fx::kernel_count(softmax, fixed{}) == 1);
static_assert(fx::kernel_count(log_softmax, fixed{}) == 1);

numbers exact_log_softmax(const numbers& x, fx::index n) {
  return by_row(x, n, [n](const double* in, double* out) {
    const double m = *std::max_element(in, in + n);
    double sum = 0;
    for (fx::index i = 0; i < n; ++i) sum += std::exp(in[i] - m);
    for (fx::index i = 0; i < n; ++i) out[i] = in[i] - m - std::log(sum);
  });
}
numbers exact_softmax(const numbers& x, fx::index n) {
  numbers r = exact_log_softmax(x, n);
  for (double& v : r) v = std::exp(v);
  return r;
}

}  // namespace

TEST_CASE_TEMPLATE("softmax and log_softmax: rows of any length", T, FUSE_NN_FLOATS) {
  for (fx::index n : {1, 2, 15, 16, 37, 256, 1000}) {
    CAPTURE(n);
    const auto x = random<matrix<T>>({3, n}, unsigned(n), 3);
    check(softmax, 1, exact_softmax(numbers_of(x), n), x);
    check(log_softmax, 1, exact_log_softmax(numbers_of(x), n), x);
  }
}

TEST_CASE("softmax: more axes") {
  const auto x = random<cube<float>>({2, 3, 19}, 1);
  check(softmax, 1, exact_softmax(numbers_of(x), 19), x);
}

TEST_CASE("softmax: large values do not overflow, and log_softmax keeps small probabilities") {
  const matrix<float> x({2, 3}, {1000, 999, -1000, -3e38f, 0, 3e38f});
  fx::host_executor<> cpu;
  const auto p = softmax(cpu, x), l = log_softmax(cpu, x);
  CHECK(p[0] == doctest::Approx(1 / (1 + std::exp(-1.0))));
  CHECK(p[2] == 0);
  CHECK(p[5] == 1);
  CHECK(l[2] == doctest::Approx(-2000 - std::log1p(std::exp(-1.0))));
  CHECK(l[5] == 0);
}

TEST_CASE("softmax: -inf takes no part, a row of -inf is NaN") {
  const float inf = INFINITY;
  const matrix<float> x({2, 3}, {0, -inf, 0, -inf, -inf, -inf});
  fx::host_executor<> cpu;
  const auto p = softmax(cpu, x);
  CHECK(p[0] == 0.5f);
  CHECK(p[1] == 0);
  CHECK(p[2] == 0.5f);
  for (int i = 3; i < 6; ++i) CHECK(std::isnan(p[i]));
}

TEST_CASE("softmax: no rows, and rows of no elements") {
  fx::host_executor<> cpu;
  CHECK(softmax(cpu, matrix<float>({0, 5})).size() == 0);
  CHECK(softmax(cpu, matrix<float>({5, 0})).size() == 0);
}

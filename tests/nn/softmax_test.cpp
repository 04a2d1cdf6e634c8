// SPDX-License-Identifier: Apache-2.0
#include "compositions.hpp"

using namespace nn_test;

namespace {

using fixed = fx::view<const float, extents<5, 48>>;
static_assert(fx::kernel_count(softmax, fixed{}) == 1);
static_assert(fx::kernel_count(log_softmax, fixed{}) == 1);

}  // namespace

TEST_CASE_TEMPLATE("softmax and log_softmax: rows of any length", T, FUSE_NN_FLOATS) {
  check_softmax<T>({1, 2, 15, 16, 37, 256, 1000});
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

// SPDX-License-Identifier: Apache-2.0
// Kernels of every family, large enough to be shared among threads: the same bytes as from one thread.
#include <doctest/doctest.h>

#include <cstring>
#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>

namespace fx = fuse;

namespace {

using matrix = fx::tensor<float, fx::extents<fx::dyn, fx::dyn>>;

constexpr auto pointwise = fx::compile<"pointwise">([](auto x) { return fx::exp(-x * x) + x; });
constexpr auto softmax = fx::compile<"softmax">([](auto x) { return fx::nn::softmax(x); });
constexpr auto product = fx::compile<"product">([](auto x, auto y) { return fx::linear(x, y); });
constexpr auto attention =
    fx::compile<"attention">([](auto q, auto k, auto v) { return fx::matmul(fx::nn::softmax(fx::linear(q, k)), v); });

matrix numbers(fx::index rows, fx::index columns) {
  matrix m({rows, columns});
  std::uint32_t bits = 1;
  for (fx::index i = 0; i < m.size(); ++i) m[i] = float((bits = bits * 1664525u + 1013904223u) >> 8) * 0x1p-24f - 0.5f;
  return m;
}

template <class Function, class... Arguments>
void check(const Function& f, const Arguments&... arguments) {
  fx::host_executor cpu;
  auto alone = f(cpu, arguments...);
  // A job within a job is its thread's alone.
  fx::host_threads::run(2, [&](int share) {
    if (share == 0) f(cpu, fx::out(alone), arguments...);
  });
  for (int round = 0; round < 20; ++round) {
    const auto shared = f(cpu, arguments...);
    REQUIRE(std::memcmp(shared.data(), alone.data(), std::size_t(alone.size()) * sizeof(float)) == 0);
  }
}

constexpr auto of_row = fx::compile<"of_row">([](auto x) {
  return fx::outputs(fx::nn::softmax(x), fx::sum(x, fx::row), fx::max(x, fx::row), fx::mean(x * x, fx::row));
});

}  // namespace

TEST_CASE("a long row is the same in parts as among rows enough for all threads") {
  const fx::index columns = 300001, rows = fx::host_threads::count() + 1;
  const matrix all = numbers(rows, columns);
  matrix one({1, columns});
  std::memcpy(one.data(), all.data(), std::size_t(columns) * sizeof(float));
  fx::host_executor cpu;
  const auto [soft, sum, most, mean] = of_row(cpu, all);
  const auto [soft_of_one, sum_of_one, most_of_one, mean_of_one] = of_row(cpu, one);
  CHECK(std::memcmp(soft.data(), soft_of_one.data(), std::size_t(columns) * sizeof(float)) == 0);
  CHECK(sum[0] == sum_of_one[0]);
  CHECK(most[0] == most_of_one[0]);
  CHECK(mean[0] == mean_of_one[0]);
}
TEST_CASE("maps") { check(pointwise, numbers(300, 1021)); }
TEST_CASE("rows") { check(softmax, numbers(301, 1021)); }
TEST_CASE("products of few rows") { check(product, numbers(2, 1021), numbers(700, 1021)); }
TEST_CASE("products of many rows") { check(product, numbers(140, 300), numbers(333, 300)); }
TEST_CASE("attention") { check(attention, numbers(70, 64), numbers(200, 64), numbers(200, 64)); }

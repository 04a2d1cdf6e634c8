// SPDX-License-Identifier: Apache-2.0
// Operations of two and three floats against a more precise oracle, and their special cases against the values that
// PyTorch gives.
#include <doctest/doctest.h>

#include <fuse/op/list.hpp>
#include <string>

#include "evaluate.hpp"
#include "oracle.hpp"

namespace {

constexpr double infinity = INFINITY, nan_value = NAN;

template <class T>
std::vector<T> special_values() {
  using limits = std::numeric_limits<T>;
  std::vector<T> r{0,
                   limits::denorm_min(),
                   limits::min(),
                   T(0.3),
                   T(0.5),
                   1,
                   T(1.0) + limits::epsilon(),
                   1.5,
                   2,
                   3,
                   T(3.7),
                   7,
                   1000,
                   T(0x1p23) + 1,
                   limits::max(),
                   limits::infinity()};
  for (std::size_t i = 0, n = r.size(); i < n; ++i) r.push_back(-r[i]);
  r.push_back(limits::quiet_NaN());
  return r;
}

/// All tuples of special values; tuples of any magnitude, and tuples of everyday size.
template <class T, std::size_t N>
std::array<std::vector<T>, N> operands(std::size_t count) {
  auto r = evaluate::all_tuples<N>(special_values<T>());
  for (std::size_t k = 0; k < N; ++k) {
    const auto exponents = oracle::uniform<T>(-40, 40, count, unsigned(3 * k + 1));
    const auto signs = oracle::uniform<T>(-1, 1, count, unsigned(3 * k + 2));
    const auto plain = oracle::uniform<T>(-10, 10, count, unsigned(3 * k + 3));
    for (std::size_t i = 0; i < count; ++i) r[k].push_back(std::copysign(std::exp2(exponents[i]), signs[i]));
    r[k].insert(r[k].end(), plain.begin(), plain.end());
  }
  return r;
}

/// The largest error in ulp over the operands, with the place; NaN and infinities must agree exactly.
template <class F, class T, std::size_t N, class Exact>
void check(const char* evaluator, const std::vector<T>& got, const std::array<std::vector<T>, N>& in, double bound,
           Exact exact) {
  double worst = 0;
  std::array<double, N> at{};
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto want = [&]<std::size_t... K>(std::index_sequence<K...>) { return exact(oracle::wider<T>(in[K][i])...); }
    (std::make_index_sequence<N>{});
    const double error = oracle::error(got[i], want);
    if (error > worst) {
      worst = error;
      for (std::size_t k = 0; k < N; ++k) at[k] = double(in[k][i]);
    }
  }
  MESSAGE(std::string(F::name) << ", " << std::string(evaluator) << ": at most " << worst << " ulp");
  CAPTURE(at[0]);
  CAPTURE(at[1]);
  CHECK(worst <= bound);
}

template <class F, std::size_t N, class Exact>
void check_all(double f32_bound, double f64_bound, Exact exact) {
  const auto narrow = operands<float, N>(N == 2 ? 60000 : 20000);
  const auto wide = operands<double, N>(N == 2 ? 20000 : 10000);
  check<F>("f32 packs", evaluate::packs<F>(narrow), narrow, f32_bound, exact);
  check<F>("f32 scalars", evaluate::scalars<F>(narrow), narrow, f32_bound, exact);
  check<F>("f64 packs", evaluate::packs<F>(wide), wide, f64_bound, exact);
  check<F>("f64 scalars", evaluate::scalars<F>(wide), wide, f64_bound, exact);
}

/// The values at listed operands, in every evaluator.
template <class F>
void check_values(std::vector<std::array<double, 3>> table) {
  auto run = [&]<class T>(T) {
    std::array<std::vector<T>, 2> in;
    for (auto [a, b, want] : table) in[0].push_back(T(a)), in[1].push_back(T(b));
    const std::vector<T> results[] = {evaluate::packs<F>(in), evaluate::scalars<F>(in)};
    for (const std::vector<T>& got : results)
      for (std::size_t i = 0; i < table.size(); ++i) {
        const double want = table[i][2];
        CAPTURE(table[i][0]);
        CAPTURE(table[i][1]);
        CAPTURE(got[i]);
        CHECK(
            (std::isnan(want) ? std::isnan(got[i]) : got[i] == T(want) && std::signbit(got[i]) == std::signbit(want)));
      }
  };
  run(float());
  run(double());
}

}  // namespace

using namespace fuse::ops;

TEST_CASE("pow stays within 2 ulp, with C's special values") {
  check_all<pow_t, 2>(2, 1, [](auto x, auto y) { return std::pow(x, y); });
}
TEST_CASE("atan2 stays within 3 ulp, with C's special values") {
  check_all<atan2_t, 2>(3, 1, [](auto y, auto x) { return std::atan2(y, x); });
}
TEST_CASE("fmod is exact") {
  check_all<fmod_t, 2>(0, 0, [](auto a, auto b) { return std::fmod(a, b); });
}
TEST_CASE("remainder has the sign of the divisor and is rounded once") {
  check_all<remainder_t, 2>(0.5, 0.5, [](auto a, auto b) {
    const auto m = std::fmod(a, b);
    return m != 0 && (m < 0) != (b < 0) ? m + b : m;
  });
}
TEST_CASE("the sum, difference, product and quotient are rounded once") {
  check_all<add_t, 2>(0.5, 0.5, [](auto a, auto b) { return a + b; });
  check_all<subtract_t, 2>(0.5, 0.5, [](auto a, auto b) { return a - b; });
  check_all<multiply_t, 2>(0.5, 0.5, [](auto a, auto b) { return a * b; });
  check_all<divide_t, 2>(0.5, 0.5, [](auto a, auto b) { return a / b; });
}
TEST_CASE("minimum and maximum are one of their operands, and NaN if one is NaN") {
  // Of two zeros either may be taken: + 0 lets the comparison forget which.
  check_all<minimum_t, 2>(0, 0, [](auto a, auto b) {
    return std::isnan(a) || std::isnan(b) ? a + b : b < a ? b : a < b ? a : b;
  });
  check_all<maximum_t, 2>(0, 0, [](auto a, auto b) {
    return std::isnan(a) || std::isnan(b) ? a + b : b > a ? b : a > b ? a : b;
  });
}
TEST_CASE("leaky_relu and elu have their own branch below zero") {
  check_all<leaky_relu_t, 2>(0.5, 0.5, [](auto x, auto slope) { return x > 0 ? x : slope * x; });
  check_all<elu_t, 2>(3, 2, [](auto x, auto alpha) { return x > 0 ? x : alpha * std::expm1(x); });
}
TEST_CASE("fma is rounded once") {
  check_all<fma_t, 3>(0.5, 0.5, [](auto a, auto b, auto c) { return std::fma(a, b, c); });
}
TEST_CASE("clamp takes the nearer bound, the upper one where they cross, and keeps NaN") {
  check_all<clamp_t, 3>(0, 0, [](auto x, auto low, auto high) {
    if (std::isnan(x) || std::isnan(low) || std::isnan(high)) return x + low + high;
    const auto raised = x > low ? x : low;
    return raised < high ? raised : high;
  });
}
TEST_CASE("where takes a side, whatever stands on the other") {
  check_all<where_t, 3>(0, 0, [](auto condition, auto a, auto b) { return condition != 0 ? a : b; });
}

TEST_CASE("floor_divide rounds the quotient down, with PyTorch's special cases") {
  check_values<floor_divide_t>({{7, 2, 3},
                                {-7, 2, -4},
                                {7, -2, -4},
                                {-7, -2, 3},
                                {6, 3, 2},
                                {-6, 3, -2},
                                {0.5, 2, 0},
                                {-0.5, 2, -1},
                                {1, 0, infinity},
                                {-1, 0, -infinity},
                                {0, 0, nan_value},
                                {infinity, 2, nan_value},
                                {5, infinity, 0},
                                {-5, infinity, -1},
                                {5, -infinity, -1},
                                {nan_value, 1, nan_value},
                                {1, nan_value, nan_value},
                                {-0., 3, -0.}});
  // Quotients that fit: the exact floor.
  std::array<std::vector<float>, 2> in{oracle::uniform<float>(-1000, 1000, 50000, 11),
                                       oracle::uniform<float>(-3, 3, 50000, 12)};
  check<floor_divide_t>("f32 packs", evaluate::packs<floor_divide_t>(in), in, 0,
                        [](double a, double b) { return std::floor(a / b); });
  std::array<std::vector<double>, 2> wide{oracle::uniform<double>(-1000, 1000, 50000, 13),
                                          oracle::uniform<double>(-3, 3, 50000, 14)};
  check<floor_divide_t>("f64 packs", evaluate::packs<floor_divide_t>(wide), wide, 0,
                        [](long double a, long double b) { return std::floor(a / b); });
}
TEST_CASE("fmod and remainder have PyTorch's special cases") {
  check_values<fmod_t>({{1, 0, nan_value},
                        {infinity, 2, nan_value},
                        {5, infinity, 5},
                        {-5, infinity, -5},
                        {6, -3, 0},
                        {-6, 3, -0.},
                        {-0., 3, -0.}});
  check_values<remainder_t>({{1, 0, nan_value},
                             {infinity, 2, nan_value},
                             {5, infinity, 5},
                             {-5, infinity, infinity},
                             {5, -infinity, -infinity},
                             {6, -3, 0},
                             {-6, 3, -0.},
                             {-7, 2, 1},
                             {7, -2, -1}});
}
TEST_CASE("lerp is exact at both ends, and between them as accurate as its ends") {
  const auto a = oracle::uniform<float>(-10, 10, 40000, 1), b = oracle::uniform<float>(-10, 10, 40000, 2);
  auto weight = oracle::uniform<float>(0, 1, 40000, 3);
  for (std::size_t i = 0; i < weight.size(); i += 3) weight[i] = i % 2 ? 0.f : 1.f;
  const std::array<std::vector<float>, 3> in{a, b, weight};
  for (const auto& got : {evaluate::packs<lerp_t>(in), evaluate::scalars<lerp_t>(in)}) {
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double want = a[i] + double(weight[i]) * (double(b[i]) - a[i]);
      const double scale = std::max(std::fabs(a[i]), std::fabs(b[i]));
      worst = std::max(worst, std::fabs(got[i] - want) / oracle::ulp<float>(scale));
      if (weight[i] == 0) REQUIRE(got[i] == a[i]);
      if (weight[i] == 1) REQUIRE(got[i] == b[i]);
    }
    CHECK(worst <= 2);
  }
}

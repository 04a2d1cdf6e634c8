// SPDX-License-Identifier: Apache-2.0
// What users write as a product and a sum is rounded twice, in eager plans and in fused ones, at every level of
// optimisation; what they write as `fma` is rounded once.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "machine.hpp"
#include "numbers.hpp"

namespace contraction {
namespace fx = fuse;
template <class T>
using row = fx::tensor<T, fx::extents<fx::dyn>>;

inline constexpr auto differences = fx::compile<"differences">([](auto a, auto b) { return fx::sqrt(a * a - b * b); });
inline constexpr auto sums = fx::compile<"sums">([](auto a, auto b, auto c) {
  return fx::outputs(a * b + c, c - a * b, fx::fma(a, b, c), a / 2 + c, fx::frac(a * b), fx::sum(a * a, fx::row));
});
inline constexpr auto activations = fx::compile<"activations">([](auto a, auto b, auto c) {
  return fx::outputs(fx::silu(a * b) + c, fx::hardswish(a) - c, fx::leaky_relu(a) * b + c, fx::lerp(a, b, c) * a - c,
                     fx::exp(a) * b + c, fx::norm(a * b - c, fx::axis<-1>));
});

template <class T>
row<T> random(fx::index n, unsigned seed) {
  std::mt19937 r(seed);
  row<T> x({n});
  for (fx::index i = 0; i < n; ++i) x[i] = numbers::from<T>(double(r() >> 8) * 0x1p-22 - 2);
  return x;
}

/// sqrt(a a - b b) is 0 where a == b.
template <class T>
void check_differences(fx::mode m) {
  machine::any_executor e(m);
  const row<T> a = random<T>(1003, 1);
  const auto [zero] = machine::call(e, differences, a, a);
  int wrong = 0;
  for (fx::index i = 0; i < a.size(); ++i) wrong += numbers::value(zero[i]) != 0;
  CHECK(wrong == 0);
}

/// T as a volatile, so that no compiler makes one rounding of two here.
template <class T>
void check_sums(fx::mode m) {
  machine::any_executor e(m);
  const row<T> a = random<T>(1003, 1), b = random<T>(1003, 2), c = random<T>(1003, 3);
  const auto results = machine::call(e, sums, a, b, c);
  int wrong[5]{};
  for (fx::index i = 0; i < a.size(); ++i) {
    volatile T product = a[i] * b[i], half = a[i] / 2, whole = std::trunc(T(product));
    wrong[0] += std::get<0>(results)[i] != T(product) + c[i];
    wrong[1] += std::get<1>(results)[i] != c[i] - T(product);
    wrong[2] += std::get<2>(results)[i] != std::fma(a[i], b[i], c[i]);
    wrong[3] += std::get<3>(results)[i] != T(half) + c[i];
    wrong[4] += std::get<4>(results)[i] != T(product) - T(whole);
  }
  for (int k = 0; k < 5; ++k) {
    CAPTURE(k);
    CHECK(wrong[k] == 0);
  }
}

/// Eager plans, in which no product meets a sum, and fused ones have the same bits.
template <class T, class F>
void check_plans(const F& f) {
  const row<T> a = random<T>(1003, 1), b = random<T>(1003, 2), c = random<T>(1003, 3);
  machine::any_executor eager(fx::mode::eager), fused(fx::mode::fused);
  const auto x = machine::call(eager, f, a, b, c), y = machine::call(fused, f, a, b, c);
  int k = 0;
  auto same = [&](const auto& p, const auto& q) {
    CAPTURE(k++);
    CHECK(std::memcmp(p.data(), q.data(), std::size_t(p.size()) * sizeof(T)) == 0);
  };
  std::apply([&](const auto&... p) { std::apply([&](const auto&... q) { (same(p, q), ...); }, y); }, x);
}

}  // namespace contraction

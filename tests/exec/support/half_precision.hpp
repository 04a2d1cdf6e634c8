// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 where they are compared, and where intermediates leave their range: fused as eager, in one kernel as
// across several.
#pragma once
#include <fuse/nn.hpp>

#include "places.hpp"

namespace half_precision {
namespace fx = fuse;
using places::dyn, places::in_each_mode;
template <class T>
using matrix = fx::tensor<T, fx::extents<dyn, dyn>>;

/// The largest products of each row, of each column, and those that are both. The column's maxima are of other rows
/// than a row's kernel: they come from memory, while it computes the products again.
struct mutual {
  template <class A, class B>
  constexpr auto operator()(A a, B b) const {
    auto x = a * b;
    auto in_row = x == fx::max(x, fx::row);
    auto in_column = x == fx::transpose(fx::max(fx::transpose(x), fx::row));
    return fx::outputs(in_row, in_column, in_row && in_column);
  }
};
inline constexpr auto find_mutual = fx::compile<"mutual">(mutual{});

template <class T>
void check_equality() {
  constexpr int n = 16;
  matrix<T> a({n, n}), b({n, n});
  unsigned u = 1;
  auto next = [&] {
    u = u * 1664525u + 1013904223u;
    return float(u >> 8) / 8388608.f - 1;
  };
  for (int i = 0; i < n * n; ++i) a[i] = T(next()), b[i] = T(next());
  auto x = [&](int i) { return float(T(float(a[i]) * float(b[i]))); };
  in_each_mode([&](auto& e) {
    const auto [row, column, both] = machine::call(e, find_mutual, a, b);
    int rows = 0, columns = 0, mutual = 0;
    for (int i = 0; i < n * n; ++i) {
      float row_max = -2, column_max = -2;
      for (int k = 0; k < n; ++k) {
        row_max = std::max(row_max, x(i / n * n + k));
        column_max = std::max(column_max, x(k * n + i % n));
      }
      CHECK(row[i] == (x(i) == row_max));
      CHECK(column[i] == (x(i) == column_max));
      rows += row[i], columns += column[i], mutual += both[i];
    }
    CHECK(rows == 16);
    CHECK(columns == 16);
    CHECK(mutual == 8);
  });
}

/// Numbers that differ in f32 and are one f16, or vanish in it.
inline constexpr auto compare = fx::compile<"compare">([](auto x, auto y) {
  auto p = x * y;
  return fx::outputs(p == x, p > 0, fx::argmax(p, fx::axis<-1>), fx::isinf(p), fx::cast<bool>(p), p || p < 0);
});
inline void check_comparisons() {
  using T = fx::f16;
  const T large(60000.f), one(1.f), tiny(0x1p-24f), half(0.25f), next(1 + 0x1p-10f);
  const matrix<T> x({1, 5}, {tiny, large, one, next, one}), y({1, 5}, {half, T(2.f), one, next, one});
  // The products: 2^-26, which is 0; 120000, which is infinite; 1; 1 + 2^-9 + 2^-20, which is 1 + 2^-9; 1.
  in_each_mode([&](auto& e) {
    const auto [equal, positive, place, infinite, truth, either] = machine::call(e, compare, x, y);
    CHECK_FALSE(equal[0]);
    CHECK_FALSE(positive[0]);
    CHECK_FALSE(truth[0]);
    CHECK_FALSE(either[0]);
    CHECK(infinite[1]);
    CHECK(place[0] == 1);
    CHECK(equal[2]);
    CHECK(positive[3]);
    CHECK(truth[4]);
  });
}

/// Beside a wider dtype too, whether promotion or the function casts.
inline constexpr auto compare_wider = fx::compile<"compare_wider">([](auto x, auto single, auto wide) {
  auto square = x * x;
  return fx::outputs(square == single, fx::cast<float>(square) == single, square == wide, single != square);
});
inline void check_comparisons_with_wider() {
  const matrix<fx::f16> x({1, 1}, {fx::f16(1 + 0x1p-10f)});  // its square is 1 + 2^-9 + 2^-20, as f16 1 + 2^-9
  const matrix<float> single({1, 1}, {1 + 0x1p-9f});
  const matrix<double> wide({1, 1}, {1 + 0x1p-9});
  in_each_mode([&](auto& e) {
    const auto [promoted, cast, with_wide, differs] = machine::call(e, compare_wider, x, single, wide);
    CHECK(promoted[0]);
    CHECK(cast[0]);
    CHECK(with_wide[0]);
    CHECK_FALSE(differs[0]);
  });
}

/// One value a row that other kernels read keeps its range.
inline constexpr auto across_a_cut = fx::compile<"across_a_cut">([](auto x) {
  auto squares = fx::transpose(fx::sum(fx::transpose(x * x), fx::row));
  return fx::outputs(x * fx::rsqrt(squares) * 64.f, fx::sum(fx::cast<float>(squares) * 1e-6f, fx::axis<-1>));
});
template <class T>
void check_range() {
  matrix<T> x({64, 3});
  for (fx::index i = 0; i < x.size(); ++i) x[i] = T(300.f);
  machine::fused_executor e;
  const auto [unit, sum] = machine::call(e, across_a_cut, x);
  for (fx::index i = 0; i < x.size(); ++i) CHECK(float(unit[i]) == 8);
  CHECK(sum[0] == doctest::Approx(3 * 64 * 0.09).epsilon(std::is_same_v<T, fx::f16> ? 1e-5 : 1e-2));
}

/// Compositions whose results an f16 holds, and whose intermediates it does not.
inline constexpr auto statistics = fx::compile<"statistics">([](auto x) {
  constexpr auto last = fx::axis<-1>;
  return fx::outputs(fx::std(x, last, 0), fx::norm(x, last), fx::logsumexp(x, last), fx::mean(x, last));
});
inline constexpr auto norms = fx::compile<"norms">(
    [](auto x, auto w) { return fx::outputs(fx::nn::rms_norm(x, w, 1e-5f), fx::nn::layer_norm(x, w, w, 1e-5f)); });
inline constexpr auto rows = fx::compile<"rows">([](auto x, auto target) {
  return fx::outputs(fx::nn::softmax(x) * 70000.f, fx::nn::log_softmax(x), fx::nn::cross_entropy(x, target));
});
inline constexpr auto attention =
    fx::compile<"attention">([](auto q, auto k, auto v) { return fx::nn::attention(q, k, v); });

using vector = fx::tensor<fx::f16, fx::extents<dyn>>;
inline matrix<fx::f16> large_row() {
  matrix<fx::f16> x({1, 2048});
  for (fx::index i = 0; i < x.size(); ++i) x[i] = fx::f16(i % 2 ? 600.f : -600.f);
  return x;
}
inline void check_statistics() {
  in_each_mode<true>([x = large_row()](auto& e) {
    const auto [std, norm, logsumexp, mean] = machine::call(e, statistics, x);
    CHECK(float(std[0]) == 600);
    CHECK(float(norm[0]) == doctest::Approx(27152.9).epsilon(1e-3));
    CHECK(float(logsumexp[0]) == doctest::Approx(606.93).epsilon(1e-3));
    CHECK(float(mean[0]) == 0);
  });
}
inline void check_compositions() {
  using T = fx::f16;
  in_each_mode([x = large_row()](auto& e) {
    vector w({2048});
    for (fx::index i = 0; i < w.size(); ++i) w[i] = T(1.f);
    const auto [rms, layer] = machine::call(e, norms, x, w);
    CHECK(float(rms[0]) == doctest::Approx(-1).epsilon(1e-3));
    CHECK(float(layer[0]) == doctest::Approx(0).epsilon(1e-3));
    CHECK(float(layer[1]) == doctest::Approx(2).epsilon(1e-3));

    const matrix<T> equal = [] {  // more equal elements than the largest f16
      matrix<T> r({1, 70000});
      for (fx::index i = 0; i < r.size(); ++i) r[i] = T(0.f);
      return r;
    }();
    const fx::tensor<std::int64_t, fx::extents<dyn>> target({1}, {5});
    const auto [softmax, log_softmax, loss] = machine::call(e, rows, equal, target);
    CHECK(float(softmax[7]) == doctest::Approx(1).epsilon(1e-2));
    CHECK(float(log_softmax[7]) == doctest::Approx(-11.156).epsilon(1e-3));
    CHECK(float(loss[0]) == doctest::Approx(11.156).epsilon(1e-3));

    matrix<T> q({2, 128});  // the scores before they are scaled: 131072 and 139264
    for (fx::index i = 0; i < q.size(); ++i) q[i] = T(i < 128 ? 32.f : 34.f);
    const matrix<T> v({2, 1}, {T(1.f), T(3.f)});
    const auto [out] = machine::call(e, attention, q, q, v);
    CHECK(float(out[0]) == 3);
    CHECK(float(out[1]) == 3);
  });
}

}  // namespace half_precision

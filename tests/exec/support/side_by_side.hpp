// SPDX-License-Identifier: Apache-2.0
// Kernels that run side by side in one launch: each does its own part, whatever the others are and however many of
// them have nothing to do.
#pragma once
#include "products.hpp"

namespace side_by_side {
using namespace products;

/// f's results from host tensors, after one launch, or after none where nothing is to be done.
template <class F, class Check, class... A>
void in_one_launch(const F& f, bool anything, const Check& check, const A&... a) {
  machine::fused_executor e;
  std::apply(check, machine::call(e, f, a...));
  CHECK(e.launches() == (anything ? 1 : 0));
}

/// Queries, keys and values: the last two have one program, where their lengths are static.
constexpr auto projections = fx::compile<"projections">([](auto x, auto q, auto k, auto v) {
  return fx::outputs(fx::linear(x, q), fx::linear(x, k) * 2, fx::linear(x, v) * 2);
});
template <class T, class Wide, class Narrow>
void check_projections(fx::index rows, fx::index terms, fx::index wide, fx::index narrow) {
  CAPTURE(rows);
  CAPTURE(wide);
  CAPTURE(narrow);
  const auto x = operand<tensor<T, dyn, dyn>>({rows, terms}, 1);
  const auto q = operand<Wide>({wide, terms}, 2);
  const auto k = operand<Narrow>({narrow, terms}, 3), v = operand<Narrow>({narrow, terms}, 4);
  auto product = [&](const auto& weight, double scale) {
    return [&, scale](auto i) {
      expected r = dot(
          terms,
          [&](auto l) {
            return at(x, {i[0], l});
          },
          [&](auto l) {
            return at(weight, {i[1], l});
          });
      r.stored = r.value;
      r.value *= scale, r.magnitude *= scale;
      return r;
    };
  };
  in_one_launch(
      projections, rows * (wide + narrow) > 0,
      [&](const auto& a, const auto& b, const auto& c) {
        check(a, {rows, wide}, product(q, 1));
        check(b, {rows, narrow}, product(k, 2));
        check(c, {rows, narrow}, product(v, 2));
      },
      x, q, k, v);
}

/// Maps of several lengths and dtypes, one of them over two axes and transposed.
constexpr auto maps = fx::compile<"maps">(
    [](auto a, auto b, auto c) { return fx::outputs(a + 1, fx::transpose(b) * 2, fx::where(c > 3, c, -c)); });
inline void check_maps(fx::index a_length, fx::index b_rows, fx::index b_columns, fx::index c_length) {
  const auto a = counting<tensor<float, dyn>>({a_length}, 5);
  const auto b = counting<tensor<double, dyn, dyn>>({b_rows, b_columns}, 7);
  const auto c = counting<tensor<std::int32_t, dyn>>({c_length});
  in_one_launch(
      maps, a_length + b_rows * b_columns + c_length > 0,
      [&](const auto& x, const auto& y, const auto& z) {
        expect(x, {a_length}, [&](auto i) { return at(a, i) + 1; });
        expect(y, {b_columns, b_rows}, [&](auto i) { return at(b, {i[1], i[0]}) * 2; });
        expect(z, {c_length}, [&](auto i) { return at(c, i) > 3 ? at(c, i) : -at(c, i); });
      },
      a, b, c);
}

/// Two caches of different rows: written where they are, or copied first where a result is to be elsewhere.
constexpr auto append = fx::compile<"append">([](auto keys, auto values, auto k, auto v, auto at) {
  return fx::outputs(fx::scatter<0>(keys, fx::iota(fx::extent<0>(k)) + at, k),
                     fx::scatter<0>(values, fx::iota(fx::extent<0>(v)) + at, v));
});
inline void check_caches(bool in_place) {
  using wide = tensor<float, dyn, 64>;
  using narrow = tensor<float, dyn, 3>;
  const auto keys = counting<wide>({9, 64}), k = counting<wide>({4, 64}, 100);
  const auto values = counting<narrow>({9, 3}), v = counting<narrow>({4, 3}, 50);
  machine::fused_executor e;
  auto all_keys = machine::fresh(e, keys);
  auto all_values = machine::fresh(e, values);
  auto other_keys = machine::fresh(e, keys);
  auto other_values = machine::fresh(e, values);
  if (in_place)
    append(e, fx::out(all_keys, all_values), all_keys, all_values, machine::put(e, k), machine::put(e, v), 3);
  else
    append(e, fx::out(other_keys, other_values), all_keys, all_values, machine::put(e, k), machine::put(e, v), 3);
  CHECK(e.launches() == 1);
  auto joined = [](const auto& cache, const auto& rows) {
    return [&](auto i) { return i[0] >= 3 && i[0] < 7 ? at(rows, {i[0] - 3, i[1]}) : at(cache, i); };
  };
  expect(machine::contents(e, in_place ? all_keys : other_keys), {9, 64}, joined(keys, k));
  expect(machine::contents(e, in_place ? all_values : other_values), {9, 3}, joined(values, v));
  if (in_place) return;
  expect(machine::contents(e, all_keys), {9, 64}, [&](auto i) { return at(keys, i); });
  expect(machine::contents(e, all_values), {9, 3}, [&](auto i) { return at(values, i); });
}

/// Two chains of three: in each launch one kernel of either, whose temporaries share no memory.
constexpr auto chains = fx::compile<"chains">([](auto x, auto y, auto wide, auto narrow) {
  for (int i = 0; i < 3; ++i) x = fx::linear(x, wide), y = fx::linear(y, narrow);
  return fx::outputs(x, y);
});
inline void check_chains() {
  using wide = tensor<float, 24, 24>;
  using narrow = tensor<float, 8, 8>;
  // Small integers: sums are exact.
  const auto x = counting<tensor<float, 5, 24>>({5, 24});
  const auto y = counting<tensor<float, 7, 8>>({7, 8}, 3);
  wide w({24, 24});
  narrow n({8, 8});
  for (fx::index i = 0; i < w.size(); ++i) w[i] = float(i % 3) - 1;
  for (fx::index i = 0; i < n.size(); ++i) n[i] = float(i % 5) - 2;
  auto times = []<class T>(const T& left, const auto& right) {
    T r(left.extents());
    const fx::index k = right.extent(0);
    for (fx::index i = 0; i < left.extent(0); ++i)
      for (fx::index j = 0; j < k; ++j) {
        float sum = 0;
        for (fx::index l = 0; l < k; ++l) sum += left[i * k + l] * right[j * k + l];
        r[i * k + j] = sum;
      }
    return r;
  };
  machine::fused_executor e;
  const auto [a, b] = machine::call(e, chains, x, y, w, n);
  CHECK(e.launches() == 3);
  const auto want_a = times(times(times(x, w), w), w);
  const auto want_b = times(times(times(y, n), n), n);
  expect(a, {5, 24}, [&](auto i) { return at(want_a, i); });
  expect(b, {7, 8}, [&](auto i) { return at(want_b, i); });
}

}  // namespace side_by_side

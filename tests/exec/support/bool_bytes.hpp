// SPDX-License-Identifier: Apache-2.0
// Any byte of a bool but 0 is true, wherever it lies and whatever reads it: masks of 0 and 255 are usual.
#pragma once
#include <doctest/doctest.h>

#include <cstring>

#include "machine.hpp"

namespace bool_bytes {
namespace fx = fuse;
using fx::dyn;
using bytes = fx::tensor<std::uint8_t, fx::extents<dyn>>;
using ints = fx::tensor<int, fx::extents<dyn>>;

inline constexpr auto read = fx::compile<"read">([](auto m, auto x) {
  return fx::outputs(fx::cast<int>(m), fx::cast<int>(!m), fx::cast<int>(m == true), fx::where(m, x, -1),
                     fx::cast<int>(m) * x, fx::cast<int>(m && x > 3), fx::flip<0>(fx::cast<int>(m)));
});
inline constexpr auto count = fx::compile<"count">([](auto m) {
  return fx::outputs(fx::sum(m, fx::row), fx::cast<std::int64_t>(fx::any(m, fx::row)),
                     fx::cast<std::int64_t>(fx::all(m, fx::row)), fx::sum(fx::concat<0>(m, m), fx::row));
});
inline constexpr auto copied = fx::compile<"copied">([](auto m) { return fx::outputs(fx::flip<0>(m), m || false); });
inline constexpr auto taken = fx::compile<"taken">([](auto m, auto at) { return fx::cast<int>(fx::take(m, at)); });
inline constexpr auto product = fx::compile<"product">([](auto m, auto x) {
  return fx::outputs(fx::matmul(fx::cast<int>(m), x), fx::cast<int>(fx::matmul(m, fx::transpose(m))));
});
inline constexpr auto put = fx::compile<"put">([](auto m, auto at, auto v) { return fx::scatter<0>(m, at, v); });

inline std::uint8_t byte(fx::index i) {
  constexpr std::uint8_t some[] = {255, 0, 2, 1, 0, 128, 254};
  return some[i % 7];
}

/// Elements i * step of some bytes, through a view of the type V (whose elements are `n`).
template <class Executor, class V>
void check_view(Executor& e, const V& m, fx::index n, fx::index step) {
  ints x({n});
  for (fx::index i = 0; i < n; ++i) x[i] = int(i) + 1;
  const auto got = machine::call(e, read, m, x);
  int wrong[7]{}, trues = 0;
  for (fx::index i = 0; i < n; ++i) {
    const bool t = byte(i * step) != 0;
    trues += t;
    wrong[0] += std::get<0>(got)[i] != t;
    wrong[1] += std::get<1>(got)[i] != !t;
    wrong[2] += std::get<2>(got)[i] != t;
    wrong[3] += std::get<3>(got)[i] != (t ? x[i] : -1);
    wrong[4] += std::get<4>(got)[i] != (t ? x[i] : 0);
    wrong[5] += std::get<5>(got)[i] != (t && x[i] > 3);
    wrong[6] += std::get<6>(got)[n - 1 - i] != t;
  }
  for (int k = 0; k < 7; ++k) {
    CAPTURE(k);
    CHECK(wrong[k] == 0);
  }
  const auto [sum, any, all, twice] = machine::call(e, count, m);
  CHECK(sum[0] == trues);
  CHECK(any[0] == (trues > 0));
  CHECK(all[0] == (trues == n));
  CHECK(twice[0] == 2 * trues);
  const auto [flipped, same] = machine::call(e, copied, m);
  int other = 0;
  for (fx::index i = 0; i < n; ++i) {
    std::uint8_t a, b;
    std::memcpy(&a, flipped.data() + n - 1 - i, 1), std::memcpy(&b, same.data() + i, 1);
    other += a != (byte(i * step) != 0) || b != (byte(i * step) != 0);
  }
  CHECK(other == 0);
}
template <class Executor>
void check_views(Executor& e) {
  bytes host({1024});
  for (fx::index i = 0; i < host.size(); ++i) host[i] = byte(i);
  const bytes memory = machine::fresh(e, host);
  bool* const p = reinterpret_cast<bool*>(memory.data());
  check_view(e, fx::view<bool, fx::extents<dyn>>(p, {37}), 37, 1);
  check_view(e, fx::view<bool, fx::extents<64>>(p, {64}), 64, 1);
  check_view(e, fx::view<bool, fx::extents<dyn>, fx::strided>(p, {37}, {2}), 37, 2);
}
/// One byte for all, a table, matrices and a target.
template <class Executor>
void check_others(Executor& e) {
  bytes host({1024});
  for (fx::index i = 0; i < host.size(); ++i) host[i] = byte(i);
  const bytes memory = machine::fresh(e, host);
  bool* const p = reinterpret_cast<bool*>(memory.data());
  ints x({3}), at({4});
  for (int i = 0; i < 3; ++i) x[i] = i + 1;
  for (int i = 0; i < 4; ++i) at[i] = i * 2;
  const auto all = machine::call(e, read, fx::view<bool, fx::extents<1>>(p, {1}), x);
  for (int i = 0; i < 3; ++i) CHECK(std::get<4>(all)[i] == x[i]);

  const auto [rows] = machine::call(e, taken, fx::view<bool, fx::extents<dyn, 3>>(p, {30, 3}), at);
  for (int i = 0; i < 12; ++i) CHECK(rows.data()[i] == (byte(i / 3 * 6 + i % 3) != 0));

  fx::tensor<int, fx::extents<dyn, dyn>> y({24, 5});
  for (int i = 0; i < y.size(); ++i) y.data()[i] = i % 9;
  const auto [sums, meets] = machine::call(e, product, fx::view<bool, fx::extents<dyn, 24>>(p, {30, 24}), y);
  int wrong = 0;
  for (int i = 0; i < 30; ++i) {
    for (int c = 0; c < 5; ++c) {
      int want = 0;
      for (int k = 0; k < 24; ++k) want += byte(i * 24 + k) ? y.data()[k * 5 + c] : 0;
      wrong += sums.data()[i * 5 + c] != want;
    }
    for (int c = 0; c < 30; ++c) {
      bool want = false;
      for (int k = 0; k < 24; ++k) want = want || (byte(i * 24 + k) && byte(c * 24 + k));
      wrong += meets.data()[i * 30 + c] != want;
    }
  }
  CHECK(wrong == 0);

  // What is scattered is 0 or 1.
  fx::tensor<bool, fx::extents<dyn>> target({8});
  for (int i = 0; i < 8; ++i) target[i] = false;
  const auto [placed] = machine::call(e, put, target, at, fx::view<bool, fx::extents<dyn>>(p, {4}));
  for (int i = 0; i < 8; ++i) {
    std::uint8_t b;
    std::memcpy(&b, placed.data() + i, 1);
    CHECK(b == (i % 2 == 0 && byte(i / 2) != 0));
  }
}

}  // namespace bool_bytes

// SPDX-License-Identifier: Apache-2.0
// Pointwise functions of lengths that are no multiple of a pack, wherever the memory starts: each element is right, and
// what stands before and behind the results stays as it was.
#pragma once
#include "places.hpp"

namespace tails {
namespace fx = fuse;
using places::counting, places::dyn;

/// Results of three widths: of the dtype itself, one byte, and eight.
inline constexpr auto mixed =
    fx::compile<"mixed">([](auto x, auto y) { return fx::outputs(x + y, x < y, fx::cast<double>(x) * 0.5); });

/// x (rows, n) or (n), y (n), both of T; their memory begins `shift` elements behind an aligned address.
template <class T, class X, class Y>
void check(fx::index rows, fx::index n, fx::index shift) {
  CAPTURE(rows);
  CAPTURE(n);
  CAPTURE(shift);
  using memory = fx::tensor<T, fx::extents<dyn>>;
  const fx::index size = rows * n, all = shift + size + 32;
  machine::fused_executor e;
  const memory x = counting<memory>({all}, 1);
  memory y({all});
  for (fx::index i = 0; i < all; ++i) y[i] = numbers::from<T>(double(i * 7 % 23));
  // No result is one of these.
  memory sums({all});
  fx::tensor<bool, fx::extents<dyn>> less({all});
  fx::tensor<double, fx::extents<dyn>> halves({all});
  for (fx::index i = 0; i < all; ++i) sums[i] = numbers::from<T>(-9), less[i] = i % 2 == 0, halves[i] = -9;

  const auto in_x = machine::fresh(e, x), in_y = machine::fresh(e, y);
  const auto out_sums = machine::fresh(e, sums);
  const auto out_less = machine::fresh(e, less);
  const auto out_halves = machine::fresh(e, halves);
  std::array<fx::index, X::rank> lengths;
  lengths.front() = rows, lengths.back() = n;
  auto of_x = [&](const auto& m) {
    using U = typename std::remove_cvref_t<decltype(m)>::element_type;
    return fx::view<U, X>(m.data() + shift, lengths);
  };
  mixed(e, fx::out(of_x(out_sums), of_x(out_less), of_x(out_halves)), of_x(in_x),
        fx::view<T, Y>(in_y.data() + shift, {n}));
  CHECK(e.launches() == (size > 0));

  const auto got_sums = machine::contents(e, out_sums);
  const auto got_less = machine::contents(e, out_less);
  const auto got_halves = machine::contents(e, out_halves);
  int wrong = 0, touched = 0;
  for (fx::index i = 0; i < all; ++i) {
    const fx::index place = i - shift;
    if (place < 0 || place >= size) {
      touched += numbers::value(got_sums[i]) != -9 || got_less[i] != less[i] || got_halves[i] != -9;
      continue;
    }
    const double a = double(numbers::value(x[i])), b = double(numbers::value(y[shift + place % n]));
    wrong += double(numbers::value(got_sums[i])) != a + b || got_less[i] != (a < b) || got_halves[i] != a / 2;
  }
  CHECK(wrong == 0);
  CHECK(touched == 0);
}

/// Lengths known at run time alone: one row, and rows that do not begin at multiples of a pack.
template <class T>
void check_dynamic() {
  for (fx::index n = 0; n <= 33; ++n)
    for (fx::index shift : {0, 1, 8}) {
      check<T, fx::extents<dyn>, fx::extents<dyn>>(1, n, shift);
      check<T, fx::extents<dyn, dyn>, fx::extents<dyn>>(3, n, shift);
    }
}
/// Lengths known while compiling.
template <class T, fx::index... N>
void check_static() {
  for (fx::index shift : {0, 1, 8}) (check<T, fx::extents<N>, fx::extents<N>>(1, N, shift), ...);
}
/// A known row length, any number of rows.
template <class T, fx::index... N>
void check_rows() {
  for (fx::index rows : {0, 1, 2, 5}) (check<T, fx::extents<dyn, N>, fx::extents<N>>(rows, N, 0), ...);
}

}  // namespace tails

// All lengths from 1 to 33 are known at run time in one kernel each; those around packs of 8 and 16 lanes also while
// compiling.
#define TAILS_TESTS                                                                                              \
  TEST_CASE_TEMPLATE("any length at run time", T, float, fuse::bf16, std::int8_t) { tails::check_dynamic<T>(); } \
  TEST_CASE("static lengths") {                                                                                  \
    tails::check_static<float, 1, 3, 5, 17, 33>();                                                               \
    tails::check_static<fuse::bf16, 7, 9, 31>();                                                                 \
    tails::check_static<std::int8_t, 2, 15, 33>();                                                               \
  }                                                                                                              \
  TEST_CASE("rows of static length") {                                                                           \
    tails::check_rows<float, 5>();                                                                               \
    tails::check_rows<fuse::bf16, 12>();                                                                         \
    tails::check_rows<std::int8_t, 33>();                                                                        \
  }

// SPDX-License-Identifier: Apache-2.0
// Scalars beside tensors of other dtypes: what they are compared as, literals and run-time scalars alike.
#pragma once
#include <doctest/doctest.h>

#include "machine.hpp"
#include "numbers.hpp"

namespace scalar_tests {
namespace fx = fuse;
using wide = __int128;
template <class T>
using row = fx::tensor<T, fx::extents<fx::dyn>>;

inline constexpr auto with_scalar = fx::compile<"with_scalar">([](auto x, auto s) {
  return fx::outputs(x<s, s <= x, x == s, x != s, s> x, x >= s, fx::minimum(x, s), fx::maximum(s, x),
                     fx::clamp(x, 0, s));
});
/// The same with literals: of all types, within and beyond what u8, i8, i32 and i64 hold.
template <auto S>
struct with_literal_t {
  template <class X>
  constexpr auto operator()(X x) const {
    return fx::outputs(x<S, S <= x, x == S, x != S, S> x, x >= S, fx::minimum(x, S), fx::maximum(S, x),
                       fx::clamp(x, 0, S));
  }
};
template <auto S>
inline constexpr auto with_literal = fx::compiled<"with_literal", with_literal_t<S>>{};

template <class T>
wide nearest(wide x) {
  const wide low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  return x < low ? low : x > high ? high : x;
}

template <class T>
row<T> numbers_of() {
  using limits = std::numeric_limits<T>;
  row<T> x({21});
  for (fx::index i = 0; i < x.size(); ++i)
    x[i] = i == 0 ? limits::min() : i == 1 ? limits::max() : i == 2 ? T(200) : i == 3 ? T(44) : T(i - 4);
  return x;
}
template <class T, class S, class R>
void check_results(const row<T>& x, S scalar, const R& results) {
  const wide s = scalar;
  int wrong[9]{};
  for (fx::index i = 0; i < x.size(); ++i) {
    const wide v = x[i];
    wrong[0] += std::get<0>(results)[i] != (v < s);
    wrong[1] += std::get<1>(results)[i] != (s <= v);
    wrong[2] += std::get<2>(results)[i] != (v == s);
    wrong[3] += std::get<3>(results)[i] != (v != s);
    wrong[4] += std::get<4>(results)[i] != (s > v);
    wrong[5] += std::get<5>(results)[i] != (v >= s);
    wrong[6] += wide(std::get<6>(results)[i]) != nearest<T>(v < s ? v : s);
    wrong[7] += wide(std::get<7>(results)[i]) != nearest<T>(v > s ? v : s);
    const wide up = v > 0 ? v : 0, high = nearest<T>(s);
    wrong[8] += wide(std::get<8>(results)[i]) != (up < high ? up : high);
  }
  for (int k = 0; k < 9; ++k) {
    CAPTURE(k);
    CHECK(wrong[k] == 0);
  }
}
template <class T, class S, class Executor>
void check_scalar(Executor& e, S s) {
  CAPTURE(s);
  const row<T> x = numbers_of<T>();
  const auto results = machine::call(e, with_scalar, x, s);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(std::get<6>(results)[0])>, T>);
  check_results(x, s, results);
}
template <class T, auto... S, class Executor>
void check_literals(Executor& e) {
  const row<T> x = numbers_of<T>();
  (check_results(x, S, machine::call(e, with_literal<S>, x)), ...);
}

/// Integer scalars of several types, in range and out of it.
template <class T, class Executor>
void check_scalars(Executor& e) {
  check_scalar<T>(e, 300);
  check_scalar<T>(e, -300);
  check_scalar<T>(e, 44);
  check_scalar<T>(e, 3'000'000'000u);
  check_scalar<T>(e, -3'000'000'000);
  check_scalar<T>(e, std::size_t(200));
  check_scalar<T>(e, (unsigned char)(200));
  check_scalar<T>(e, (signed char)(-1));
  check_scalar<T>(e, short(-129));
  check_scalar<T>(e, (unsigned short)(60000));
  check_scalar<T>(e, 'a');
}

inline constexpr auto beside_halves = fx::compile<"beside_halves">([](auto x, auto t) {
  return fx::outputs(x == 0.1f, x >= 0.1, x <= 0.1f, x == t, fx::clamp(x, 0.f, 0.1f) == x, fx::minimum(x, 0.1) == x,
                     fx::maximum(t, x) == x, x * 1e5f < 60000);
});
/// x holds 0.1, something less and something more. A scalar is rounded to its dtype where they are compared; where they
/// are computed with it is what it is, also beyond f16.
template <class T, class S, class Executor>
void check_half(Executor& e, S tenth) {
  row<T> x({3});
  x[0] = numbers::from<T>(double(0.1f)), x[1] = numbers::from<T>(0.05), x[2] = numbers::from<T>(0.3);
  const auto got = machine::call(e, beside_halves, x, tenth);
  const bool want[8][3] = {{1, 0, 0}, {1, 0, 1}, {1, 1, 0}, {1, 0, 0}, {1, 1, 0}, {1, 1, 0}, {1, 0, 1}, {1, 1, 1}};
  int k = 0;
  auto check = [&](const auto& y) {
    CAPTURE(k);
    for (int i = 0; i < 3; ++i) CHECK(y[i] == want[k][i]);
    ++k;
  };
  std::apply([&](const auto&... y) { (check(y), ...); }, got);
}

}  // namespace scalar_tests

// SPDX-License-Identifier: Apache-2.0
// What plans and traces put in place of what was written gives the same value for zeros of both signs, infinities and
// NaN, as each operation alone does.
#pragma once
#include <cstring>

#include "places.hpp"

namespace signs {
namespace fx = fuse;
using places::dyn, places::in_each_mode;

inline constexpr float inf = INFINITY, nan = NAN;
inline constexpr float special[] = {0.f, -0.f, 1.5f, -1.5f, inf, -inf, nan, 0x1p-140f, -0x1p-140f, 3e38f, -3e38f};
inline constexpr int count = sizeof special / sizeof *special;

/// The same bits, or both NaN.
template <class T>
bool same(T got, T want) {
  return (got != got && want != want) || std::memcmp(&got, &want, sizeof got) == 0;
}
template <class T>
fx::tensor<T, fx::extents<dyn>> all_special() {
  fx::tensor<T, fx::extents<dyn>> x({count});
  for (int i = 0; i < count; ++i) x[i] = T(special[i]);
  return x;
}

/// Arithmetic with neutral elements, which nothing may leave out.
inline constexpr auto neutral = fx::compile<"neutral">([](auto x) {
  return fx::outputs(x + 0.f, x - 0.f, 0.f - x, -(-x), x * 1.f, x * 0.f, x / 1.f, x / -1.f, x + -0.f,
                     fx::where(x == x, x, -0.f));
});
template <class T>
void check_neutral() {
  const auto x = all_special<T>();
  in_each_mode([&](auto& e) {
    const auto [plus, minus, from, twice, times, zero, over, negative, less, chosen] = machine::call(e, neutral, x);
    for (int i = 0; i < count; ++i) {
      CAPTURE(i);
      const T v = x[i];
      CHECK(same(plus[i], T(v + T(0))));
      CHECK(same(minus[i], v));
      CHECK(same(from[i], T(T(0) - v)));
      CHECK(same(twice[i], v));
      CHECK(same(times[i], v));
      CHECK(same(zero[i], T(v * T(0))));
      CHECK(same(over[i], v));
      CHECK(same(negative[i], T(-v)));
      CHECK(same(less[i], v));
      CHECK(same(chosen[i], v == v ? v : T(-0.f)));
    }
  });
}

/// Literals fold while tracing: to a zero of the right sign, to an infinity, to NaN.
inline constexpr auto folded = fx::compile<"folded">([](auto x) {
  const auto four = fx::cast<float>(fx::extent<1>(x).as_value());
  const auto zero = four - 4.f, infinite = four * inf;
  return fx::outputs(x + -zero, x * (infinite - infinite), x + infinite, x * -fx::minimum(zero, four),
                     fx::cast<float>(fx::cast<fx::f16>(-zero)) * x);
});
inline void check_folded() {
  const fx::tensor<float, fx::extents<dyn, 4>> x({1, 4}, {-0.f, 0.f, 2.f, -inf});
  in_each_mode([&](auto& e) {
    const auto [negative, undefined, infinite, product, cast] = machine::call(e, folded, x);
    for (int i = 0; i < 4; ++i) {
      CAPTURE(i);
      CHECK(same(negative[i], x[i] + -0.f));
      CHECK(same(undefined[i], nan));
      CHECK(same(infinite[i], x[i] + inf));
      CHECK(same(product[i], x[i] * -0.f));
      CHECK(same(cast[i], x[i] * -0.f));
    }
  });
}

/// Elements over a value of their row: the inverse of that is multiplied by, where it is f32.
inline constexpr auto divided = fx::compile<"divided">([](auto x, auto by) { return x / fx::sum(by, fx::row); });
template <class T>
void check_divided() {
  fx::tensor<T, fx::extents<dyn, dyn>> x({count, count}), by({count, 1});
  for (int i = 0; i < count * count; ++i) x[i] = T(special[i % count]);
  for (int i = 0; i < count; ++i) by[i] = T(special[i]);
  in_each_mode([&](auto& e) {
    const auto [quotient] = machine::call(e, divided, x, by);
    for (int i = 0; i < count * count; ++i) {
      CAPTURE(special[i % count]);
      CAPTURE(special[i / count]);
      const T want = x[i] / by[i / count];
      if (want != 0 && std::fabs(want) < std::numeric_limits<T>::min())  // subnormal: one unit off at most
        CHECK(std::fabs(quotient[i] - want) <= std::numeric_limits<T>::denorm_min());
      else
        CHECK(same(quotient[i], want));
    }
  });
}

/// A row of one element is its own sum, whether its length is known or not; so is a longer one of negative zeros.
struct reductions_of_zeros {
  template <class A>
  constexpr auto operator()(A x) const {
    constexpr auto last = fx::axis<-1>;
    return fx::outputs(fx::sum(x, last), fx::mean(x, last), fx::prod(x, last), fx::max(x, last), fx::min(x, last));
  }
};
inline constexpr auto reduced = fx::compile<"reduced">(reductions_of_zeros{});
template <class T, class Results>
void check_row(const Results& results, int row, T want) {
  std::apply([&](const auto&... r) { CHECK((same(r[row], want) && ...)); }, results);
}
template <class T>
void check_reduced() {
  fx::tensor<T, fx::extents<dyn, 1>> known({count, 1});
  fx::tensor<T, fx::extents<dyn, dyn>> unknown({count, 1});
  for (int i = 0; i < count; ++i) known[i] = unknown[i] = T(special[i]);
  in_each_mode([&](auto& e) {
    const auto of_known = machine::call(e, reduced, known), of_unknown = machine::call(e, reduced, unknown);
    for (int i = 0; i < count; ++i) {
      CAPTURE(i);
      check_row(of_known, i, T(special[i]));
      check_row(of_unknown, i, T(special[i]));
    }
    for (fx::index n : {2, 33, 5000}) {
      fx::tensor<T, fx::extents<dyn, dyn>> zeros({1, n});
      for (fx::index i = 0; i < n; ++i) zeros[i] = T(-0.f);
      const auto [sum, mean, prod, max, min] = machine::call(e, reduced, zeros);
      CHECK(same(sum[0], T(-0.f)));
      CHECK(same(mean[0], T(-0.f)));
      CHECK(same(max[0], T(-0.f)));
    }
    const auto empty = machine::call(e, reduced, fx::tensor<T, fx::extents<dyn, dyn>>({1, 0}));
    CHECK(same(std::get<0>(empty)[0], T(0)));
  });
}

/// Two tensors joined: what lies outside of one is chosen away, not multiplied by 0.
inline constexpr auto joined = fx::compile<"joined">([](auto x) { return fx::concat<0>(x, -x); });
inline void check_joined() {
  const auto x = all_special<float>();
  in_each_mode([&](auto& e) {
    const auto [both] = machine::call(e, joined, x);
    for (int i = 0; i < count; ++i) {
      CAPTURE(i);
      CHECK(same(both[i], x[i]));
      CHECK(same(both[count + i], -x[i]));
    }
  });
}

}  // namespace signs

// SPDX-License-Identifier: Apache-2.0
// Operations on integers: arithmetic modulo 2^bits, divisions and shifts defined for every operand, bits and logic.
#include <doctest/doctest.h>

#include <fuse/op/list.hpp>
#include <limits>

#include "evaluate.hpp"

namespace {

using namespace fuse::ops;

template <class T>
std::vector<T> interesting() {
  using limits = std::numeric_limits<T>;
  std::vector<T> r{0,
                   1,
                   2,
                   3,
                   5,
                   7,
                   8,
                   31,
                   32,
                   33,
                   63,
                   64,
                   100,
                   255,
                   256,
                   65537,
                   limits::max(),
                   limits::max() / 2,
                   limits::max() / 3};
  for (std::size_t i = 0, n = r.size(); i < n; ++i) r.push_back(T(-r[i]));
  r.push_back(limits::min());
  return r;
}

/// Packs and scalars agree with the reference on all tuples of interesting values. The reference computes in 128 bits;
/// its value is taken modulo 2^bits.
template <class F, std::size_t N, class Reference>
void check(Reference reference) {
  auto run = [&]<class T>(T) {
    const auto in = evaluate::all_tuples<N>(interesting<T>());
    const auto packs = evaluate::packs<F>(in), scalars = evaluate::scalars<F>(in);
    int wrong = 0;
    T at[N]{};
    for (std::size_t i = 0; i < packs.size(); ++i) {
      const T want = [&]<std::size_t... K>(std::index_sequence<K...>) { return T(reference(__int128(in[K][i])...)); }
      (std::make_index_sequence<N>{});
      if (packs[i] == want && scalars[i] == want) continue;
      if (wrong++ == 0)
        for (std::size_t k = 0; k < N; ++k) at[k] = in[k][i];
    }
    CAPTURE(F::name);
    CAPTURE(at[0]);
    CAPTURE(at[N - 1]);
    CHECK(wrong == 0);
  };
  run(std::int32_t());
  run(std::int64_t());
}

__int128 floored_quotient(__int128 a, __int128 b) {
  if (b == 0) return 0;
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

/// Operations whose reference needs the width.
template <class F, class T, class Reference>
void check_width(Reference reference) {
  const auto in = evaluate::all_tuples<2>(interesting<T>());
  const auto packs = evaluate::packs<F>(in), scalars = evaluate::scalars<F>(in);
  for (std::size_t i = 0; i < packs.size(); ++i) {
    const T want = reference(in[0][i], in[1][i]);
    CAPTURE(in[0][i]);
    CAPTURE(in[1][i]);
    REQUIRE(packs[i] == want);
    REQUIRE(scalars[i] == want);
  }
}

template <class T>
void check_shifts() {
  constexpr T bits = 8 * sizeof(T);
  check_width<shift_left_t, T>([](T a, T b) { return b < 0 || b >= bits ? T(0) : T(std::make_unsigned_t<T>(a) << b); });
  check_width<shift_right_t, T>([](T a, T b) { return a >> (b < 0 || b >= bits ? bits - 1 : b); });
}

template <class T>
void check_power() {
  check_width<pow_t, T>([](T base, T exponent) {
    if (exponent < 0) return base == 1 ? T(1) : base == -1 ? T(exponent % 2 ? -1 : 1) : T(0);
    std::make_unsigned_t<T> r = 1;  // squares from the highest bit down: another order than the implementation's
    for (int bit = 8 * int(sizeof(T)) - 2; bit >= 0; --bit) {
      r *= r;
      if (exponent >> bit & 1) r *= std::make_unsigned_t<T>(base);
    }
    return T(r);
  });
}

}  // namespace

TEST_CASE("integer fma wraps") {
  check<fma_t, 3>([](__int128 a, __int128 b, __int128 c) { return a * b + c; });
}
TEST_CASE("integer packs add, subtract, multiply and negate modulo 2^bits") {
  auto run = []<class T>(T) {
    using U = std::make_unsigned_t<T>;
    const auto in = evaluate::all_tuples<2>(interesting<T>());
    const auto sum = evaluate::packs<add_t>(in), difference = evaluate::packs<subtract_t>(in),
               product = evaluate::packs<multiply_t>(in);
    const auto negative = evaluate::packs<negative_t, T, 1>({in[0]});
    for (std::size_t i = 0; i < sum.size(); ++i) {
      REQUIRE(sum[i] == T(U(in[0][i]) + U(in[1][i])));
      REQUIRE(difference[i] == T(U(in[0][i]) - U(in[1][i])));
      REQUIRE(product[i] == T(U(in[0][i]) * U(in[1][i])));
      REQUIRE(negative[i] == T(U(0) - U(in[0][i])));
    }
  };
  run(std::int32_t());
  run(std::int64_t());
}
TEST_CASE("integer divisions truncate or floor, give 0 for a zero divisor, and do not trap") {
  check<fmod_t, 2>([](__int128 a, __int128 b) { return b == 0 ? 0 : a % b; });
  check<floor_divide_t, 2>(floored_quotient);
  check<remainder_t, 2>([](__int128 a, __int128 b) { return b == 0 ? 0 : a - b * floored_quotient(a, b); });
}
TEST_CASE("shifts by a negative count or by the width and more give 0, or the sign") {
  check_shifts<std::int32_t>();
  check_shifts<std::int64_t>();
}
TEST_CASE("integer powers wrap; negative exponents leave what rounds towards zero") {
  check_power<std::int32_t>();
  check_power<std::int64_t>();
}
TEST_CASE("bitwise operations") {
  check<bitwise_and_t, 2>([](__int128 a, __int128 b) { return a & b; });
  check<bitwise_or_t, 2>([](__int128 a, __int128 b) { return a | b; });
  check<bitwise_xor_t, 2>([](__int128 a, __int128 b) { return a ^ b; });
  check<bitwise_not_t, 1>([](__int128 a) { return ~a; });
}
TEST_CASE("integers have an absolute value, a sign, a maximum, and bounds") {
  check<abs_t, 1>([](__int128 a) { return a < 0 ? -a : a; });
  check<sign_t, 1>([](__int128 a) { return (a > 0) - (a < 0); });
  check<relu_t, 1>([](__int128 a) { return a > 0 ? a : 0; });
  check<minimum_t, 2>([](__int128 a, __int128 b) { return a < b ? a : b; });
  check<maximum_t, 2>([](__int128 a, __int128 b) { return a > b ? a : b; });
  check<clamp_t, 3>([](__int128 a, __int128 low, __int128 high) { return std::min(std::max(a, low), high); });
}
TEST_CASE("an integer is its own rounding, and neither NaN nor infinite") {
  check<floor_t, 1>([](__int128 a) { return a; });
  check<ceil_t, 1>([](__int128 a) { return a; });
  check<round_t, 1>([](__int128 a) { return a; });
  check<trunc_t, 1>([](__int128 a) { return a; });
  check<isnan_t, 1>([](__int128) { return 0; });
  check<isinf_t, 1>([](__int128) { return 0; });
}
TEST_CASE("integers compare and combine as truth values") {
  check<equal_t, 2>([](__int128 a, __int128 b) { return a == b; });
  check<not_equal_t, 2>([](__int128 a, __int128 b) { return a != b; });
  check<less_t, 2>([](__int128 a, __int128 b) { return a < b; });
  check<less_equal_t, 2>([](__int128 a, __int128 b) { return a <= b; });
  check<greater_t, 2>([](__int128 a, __int128 b) { return a > b; });
  check<greater_equal_t, 2>([](__int128 a, __int128 b) { return a >= b; });
  check<logical_and_t, 2>([](__int128 a, __int128 b) { return a && b; });
  check<logical_or_t, 2>([](__int128 a, __int128 b) { return a || b; });
  check<logical_xor_t, 2>([](__int128 a, __int128 b) { return !a != !b; });
  check<logical_not_t, 1>([](__int128 a) { return !a; });
  check<where_t, 3>([](__int128 c, __int128 a, __int128 b) { return c ? a : b; });
}

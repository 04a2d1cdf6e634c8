// SPDX-License-Identifier: Apache-2.0
// Measuring an operation against a more precise one: errors in ulp, and the points at which to measure.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace oracle {

/// The type in which the exact value of a T is computed.
template <class T>
struct wider_than;
template <>
struct wider_than<float> {
  using type = double;
};
template <>
struct wider_than<double> {
  using type = long double;
};
template <class T>
using wider = typename wider_than<T>::type;

template <class T>
using bits_of = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

/// The spacing of T at an exact value: 2^-23 (2^-52) of its power of two, or the spacing of the subnormals.
template <class T>
wider<T> ulp(wider<T> exact) {
  using limits = std::numeric_limits<T>;
  exact = std::fabs(exact);
  if (!(exact >= limits::min())) return limits::denorm_min();
  int exponent;
  std::frexp(exact, &exponent);
  return std::ldexp(wider<T>(1), exponent - limits::digits);
}

/// |got - exact| in ulp. Infinite where one is NaN or infinite and the other is not (an overflow that rounding to T
/// explains is none), or where an exact zero has the wrong sign.
template <class T>
double error(T got, wider<T> exact) {
  using limits = std::numeric_limits<T>;
  const T rounded = T(exact);
  const bool same_sign = std::signbit(got) == std::signbit(exact);
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) && std::isnan(got) ? 0 : INFINITY;
  if (std::isinf(rounded) || std::isinf(got)) {
    const bool both_over = std::fabs(exact) >= limits::max() && std::fabs(got) >= limits::max();
    return got == rounded || (both_over && same_sign && std::isfinite(exact)) ? 0 : INFINITY;
  }
  if (exact == 0 && !(got == 0 && same_sign)) return INFINITY;
  return double(std::fabs(got - exact) / ulp<T>(exact));
}

/// Zeros, infinities, NaN, the ends of the range, and every 1-ulp step around the places where an implementation is
/// likely to change its formula.
template <class T>
std::vector<T> corners() {
  using limits = std::numeric_limits<T>;
  const T infinity = limits::infinity();
  std::vector<T> r{
      0, infinity, limits::quiet_NaN(), limits::denorm_min(), limits::min(), limits::max(), limits::min() / 2};
  std::vector<double> centres{0.25,
                              0.3465735902799727,
                              0.5,
                              0.625,
                              0.6931471805599453,
                              0.7071067811865476,
                              0.75,
                              1,
                              1.4142135623730951,
                              1.5,
                              2,
                              3,
                              8,
                              10,
                              12,
                              14.5,
                              17,
                              18,
                              20,
                              24,
                              87.3,
                              88.0,
                              88.7228,
                              89.4,
                              103.97,
                              104,
                              126,
                              127,
                              128,
                              149,
                              150,
                              0x1p21,
                              0x1p22,
                              0x1p23,
                              0x1p24,
                              0x1p31,
                              0x1p52,
                              0x1p53};
  for (int i = 1; i <= 12; ++i) centres.push_back(i * 0.7853981633974483);
  for (double centre : centres) {
    auto bits = std::bit_cast<bits_of<T>>(T(centre)) - 40;
    for (int i = 0; i < 80; ++i) r.push_back(std::bit_cast<T>(bits_of<T>(bits + i)));
  }
  for (std::size_t i = 0, n = r.size(); i < n; ++i) r.push_back(-r[i]);
  return r;
}

/// All bit patterns of T in steps that visit about `count` of them, after the corners.
template <class T>
std::vector<T> all_magnitudes(std::size_t count) {
  std::vector<T> r = corners<T>();
  const bits_of<T> step = std::numeric_limits<bits_of<T>>::max() / count | 1;
  bits_of<T> bits = 0;
  for (std::size_t i = 0; i < count; ++i, bits += step) r.push_back(std::bit_cast<T>(bits));
  return r;
}

/// Uniform over [low, high], the same values every time.
template <class T>
std::vector<T> uniform(T low, T high, std::size_t count, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::vector<T> r;
  for (std::size_t i = 0; i < count; ++i) r.push_back(low + (high - low) * T(random() >> 11) * T(0x1p-53));
  return r;
}

}  // namespace oracle

// SPDX-License-Identifier: Apache-2.0
// Numbers of every dtype for tests: as exact values, as test data, and how far a computed one is from an exact one.
#pragma once
#include <cmath>
#include <fuse/tensor/tensor.hpp>
#include <limits>
#include <random>
#include <vector>

namespace numbers {
namespace fx = fuse;

/// Integers up to 64 bits and floats up to f64 exactly.
using exact = long double;

template <fx::element T>
exact value(T x) {
  if constexpr (std::is_arithmetic_v<T>)
    return exact(x);
  else
    return exact(float(x));
}
/// x as a T: floats rounded to nearest even, integers as C++ converts them.
template <fx::element T>
T from(double x) {
  if constexpr (std::is_arithmetic_v<T>)
    return T(x);
  else
    return T(float(x));
}

/// Significant bits, and the exponents of the smallest subnormal and of the first power of two beyond the largest
/// number.
struct format {
  int digits, smallest, overflow;
};
constexpr format format_of(fx::dtype d) {
  return d == fx::dtype::f16    ? format{11, -24, 16}
         : d == fx::dtype::bf16 ? format{8, -133, 128}
         : d == fx::dtype::f32  ? format{24, -149, 128}
                                : format{53, -1074, 1024};
}
/// The spacing of a floating dtype at x.
inline exact ulp(fx::dtype d, exact x) {
  const format f = format_of(d);
  int exponent = 0;
  std::frexp(x, &exponent);
  const int last = std::isfinite(x) ? exponent - f.digits : f.overflow - f.digits;
  return std::ldexp(exact(1), last < f.smallest || x == 0 ? f.smallest : last);
}

/// Is `got` within `ulps` of the compute type's spacing around the exact value, and rounded once to its own dtype?
/// NaN must be NaN; what lies beyond the largest number may be infinite. Zeros of both signs are equal.
inline bool near(fx::dtype type, exact got, exact want, double ulps) {
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) && std::isnan(want);
  if (got == want) return true;
  const fx::dtype computed = type == fx::dtype::f64 ? fx::dtype::f64 : fx::dtype::f32;
  exact allowed = exact(ulps) * ulp(computed, want);
  if (computed != type) allowed += ulp(type, want) / 2;
  const exact beyond = std::ldexp(exact(1), format_of(type).overflow);
  if (std::isinf(want)) return !std::isinf(got) && std::fabs(got) + allowed >= beyond && (got > 0) == (want > 0);
  if (std::isinf(got)) return std::fabs(want) + allowed + ulp(type, want) / 2 >= beyond && (got > 0) == (want > 0);
  return std::fabs(got - want) <= allowed;
}

/// Everyday numbers, numbers of any magnitude, and special ones, in an order that depends on the seed.
template <fx::element T, class E>
fx::tensor<T, E> samples(const std::array<fx::index, E::rank>& extents, unsigned seed) {
  std::mt19937_64 random(seed);
  auto uniform = [&](double low, double high) { return low + (high - low) * double(random() >> 11) * 0x1p-53; };
  fx::tensor<T, E> r(extents);
  for (fx::index i = 0; i < r.size(); ++i) {
    const auto kind = random() % 8;
    if constexpr (std::is_same_v<T, bool>) {
      r[i] = kind % 2 == 0;
    } else if constexpr (std::is_integral_v<T>) {
      using limits = std::numeric_limits<T>;
      const T special[] = {limits::min(), limits::max(), 0, 1, T(-1)};
      r[i] = kind < 5 ? T(uniform(std::is_signed_v<T> ? -12 : 0, 12)) : kind == 5 ? special[random() % 5] : T(random());
    } else {
      const double special[] = {0., -0., 1, -1, 0.5, 2, 3, INFINITY, -INFINITY, NAN};
      r[i] = from<T>(kind < 5    ? uniform(-5, 5)
                     : kind == 5 ? special[random() % 10]
                                 : std::copysign(std::exp2(uniform(-24, 24)), uniform(-1, 1)));
    }
  }
  return r;
}

}  // namespace numbers

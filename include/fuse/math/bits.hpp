// SPDX-License-Identifier: Apache-2.0
// The pieces that the functions on packs are written with: polynomials, signs, exponents, bit patterns.
#pragma once
#include <fuse/math/fma.hpp>

namespace fuse::math {

/// Horner's scheme; the coefficient of the highest power comes first.
///
/// Where a coefficient list says "minimax", it was fitted to the function's own definition in 40-digit arithmetic, on
/// the interval and for the relative error that the text states, by Lawson's iteration (least squares, each point
/// reweighted by its error until the largest errors are equal); the coefficients were rounded to f32 one at a time,
/// lowest order first, and the others fitted again after each. tests/op/minimax.py does it.
template <class V, class... C>
FUSE_HD V polynomial(V x, float first, C... rest) {
  V p = V(scalar_of<V>(first));
  ((p = quick_fma(p, x, scalar_of<V>(rest))), ...);
  return p;
}

/// Each lane as C++ converts it.
FUSE_UNCHECKED
template <class To, class From, int W>
FUSE_HD pack<To, W> convert(pack<From, W> x) {
  return packs::convert<To>(x);
}

/// The bit pattern of f32 or f64 lanes as integers, and back.
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<vectors::mask_of<T>, W> bits_of(pack<T, W> x) {
  return packs::bits<vectors::mask_of<T>>(x);
}
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> from_bits(pack<std::int32_t, W> x) {
  return packs::bits<float>(x);
}
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<double, W> from_bits(pack<std::int64_t, W> x) {
  return packs::bits<double>(x);
}

template <class T>
inline constexpr auto sign_bit = std::int32_t(0x80000000u);
template <>
inline constexpr auto sign_bit<double> = std::int64_t(0x8000000000000000u);

/// |x|; for integers the most negative value stays what it is (as in PyTorch).
FUSE_HD float abs(float x) { return __builtin_fabsf(x); }
FUSE_HD double abs(double x) { return __builtin_fabs(x); }
FUSE_HD std::int32_t abs(std::int32_t x) { return x < 0 ? std::int32_t(0u - std::uint32_t(x)) : x; }
FUSE_HD std::int64_t abs(std::int64_t x) { return x < 0 ? std::int64_t(0ull - std::uint64_t(x)) : x; }
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> abs(pack<T, W> x) {
  if constexpr (std::is_integral_v<T>)
    return select(x < T(0), T(0) - x, x);
  else
    return from_bits(bits_of(x) & ~sign_bit<T>);
}

/// x with its sign flipped where the sign bit of the integer s is set.
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> flip_sign(pack<T, W> x, typename pack<T, W>::mask s) {
  return from_bits(bits_of(x) ^ (s & sign_bit<T>));
}
/// |magnitude| with the sign of s.
FUSE_HD float copysign(float magnitude, float s) { return __builtin_copysignf(magnitude, s); }
FUSE_HD double copysign(double magnitude, double s) { return __builtin_copysign(magnitude, s); }
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> copysign(pack<T, W> magnitude, pack<T, W> s) {
  return from_bits((bits_of(magnitude) & ~sign_bit<T>) | (bits_of(s) & sign_bit<T>));
}

/// 2^n for -127 < n < 128.
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> power_of_two(pack<std::int32_t, W> n) {
  return from_bits((n + 127) << 23);
}
/// x 2^n for |x| in [1/2, 2] and whole n, -252 < n < 254: rounded once where the result is subnormal.
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> scale(pack<float, W> x, pack<float, W> n) {
  return instructions::scaled(x, n);
}

/// The integer nearest to x (ties to even) as a float and as an integer, for |x| < 2^22.
template <int W>
struct nearest_integer {
  pack<float, W> value;
  pack<std::int32_t, W> integer;
};
FUSE_UNCHECKED
template <int W>
FUSE_HD nearest_integer<W> nearest(pack<float, W> x) {
  const pack<float, W> shifted = x + 0x1.8p23f;  // where a float's spacing is 1, and its low bits are the integer
  return {shifted - 0x1.8p23f, bits_of(shifted) - 0x4b400000};
}
/// The same for x times a factor.
FUSE_UNCHECKED
template <int W>
FUSE_HD nearest_integer<W> nearest(pack<float, W> x, float factor) {
  const pack<float, W> shifted = quick_fma(x, factor, 0x1.8p23f);
  return {shifted - 0x1.8p23f, bits_of(shifted) - 0x4b400000};
}

}  // namespace fuse::math

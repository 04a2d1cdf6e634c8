// SPDX-License-Identifier: Apache-2.0
// pow: of integers by squaring, of f32 packs as 2^(y log2 x) with the logarithm in f64.
#pragma once
#include <fuse/math/exponential.hpp>
#include <fuse/math/logarithm.hpp>
#include <fuse/math/round.hpp>

namespace fuse::math {

namespace powers {
/// log2(a) in f64 for a >= 0: -infinity at 0, infinity and NaN kept. Relative error 2^-45.
template <int W>
FUSE_HD pack<double, W> log2_wide(pack<float, W> a) {
  using wide = pack<double, W>;
  const auto p = logarithms::split(a);
  const wide f = convert<double>(p.fraction), s = f / (2.0 + f), z = s * s;
  // log2((1 + s) / (1 - s)) = s P(s^2), minimax to 2^-45
  wide q = quick_fma(z, 0.2828986016090843, 0.31990580587002787);
  q = quick_fma(q, z, 0.4122092497715967);
  q = quick_fma(q, z, 0.5770779423889224);
  q = quick_fma(q, z, 0.9617966941132804);
  q = quick_fma(q, z, 2.88539008177785);
  const wide y = quick_fma(s, q, convert<double>(p.exponent)), x = convert<double>(a);
  return select(x == 0.0, wide(-__builtin_inf()), select(x < __builtin_inf(), y, x));
}

template <class T>
FUSE_HD T of_integers(T base, T exponent) {
  using U = std::make_unsigned_t<T>;
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
  U result = 1, factor = U(base);
  for (U rest = U(exponent); rest; rest >>= 1, factor *= factor) result *= rest & 1 ? factor : U(1);
  return T(result);
}
}  // namespace powers

FUSE_HD std::int32_t pow(std::int32_t base, std::int32_t exponent) { return powers::of_integers(base, exponent); }
FUSE_HD std::int64_t pow(std::int64_t base, std::int64_t exponent) { return powers::of_integers(base, exponent); }
FUSE_UNCHECKED
template <class T, int W>
requires std::is_integral_v<T> FUSE_HD pack<T, W> pow(pack<T, W> base, pack<T, W> exponent) {
  return packs::each([](T b, T e) { return powers::of_integers(b, e); }, base, exponent);
}

/// At most 2 ulp, subnormal results included, with C's special values.
template <int W>
FUSE_HD pack<float, W> pow(pack<float, W> x, pack<float, W> y) {
  using V = pack<float, W>;
  using wide = pack<double, W>;
  const V a = abs(x);
  wide z = powers::log2_wide(a) * convert<double>(y);
  z = select(z < -160.0, wide(-160.0), z);
  z = select(z > 135.0, wide(135.0), z);
  const wide n = (z + 0x1.8p52) - 0x1.8p52;
  V result = scale(exponentials::exp2_fraction(convert<float>(z - n)), convert<float>(n));

  const V half = 0.5f * y;
  const auto whole = trunc(y) == y, odd = whole & (trunc(half) != half);
  const auto negative = bits_of(x) < 0;
  result = select(negative & odd, -result, result);
  result = select((x < 0.f) & ~whole & (a < __builtin_inff()), V(__builtin_nanf("")), result);
  const auto one = (y == 0.f) | (x == 1.f) | ((a == 1.f) & (abs(y) == __builtin_inff()));
  return select(one, V(1.f), result);
}

}  // namespace fuse::math

// SPDX-License-Identifier: Apache-2.0
// erf, erfc on f32 packs, and the distribution function of the normal distribution: near zero a polynomial, in the tail
// e^(-x^2) times a polynomial in 1 / (1 + c x).
#pragma once
#include <fuse/math/exponential.hpp>
#include <fuse/math/fma.hpp>
#include <fuse/math/root.hpp>

namespace fuse::math {

namespace error_functions {
/// y e^(power x^2) for power -1 or -1/2, where x^2 is not rounded: the exponential magnifies an error of x^2.
template <class V>
FUSE_HD V times_exp_of_square(V y, V x, float power) {
  const V square = x * x;
  if constexpr (std::is_same_v<V, float>) {
    const float e = y * exp(power * square);
    return fma(power * fma(x, x, -square), e, e);
  } else {
    const V head = from_bits(bits_of(x) & ~0xfff);  // 12 bits: its square is exact
    const V rest = (head * head - square) + (x - head) * (x + head);
    return exponentials::exp_times(y, power * square, power * rest);
  }
}

/// erf(x) on [-1, 1]: x + x R(x^2), minimax, relative error 2^-29.4.
template <int W>
FUSE_HD pack<float, W> near(pack<float, W> x) {
  return x + x * polynomial(x * x, 7.806904e-05f, -0.0007997853f, 0.005187162f, -0.026853347f, 0.11283579f,
                            -0.37612626f, 0.12837917f);
}
/// erfc(a) for a >= 1/2: e^(-a^2) t P(t) with t = 1 / (1 + 0.4 a), P minimax up to a = 10.1 (where erfc is subnormal),
/// relative error 2^-27.8.
template <int W>
FUSE_HD pack<float, W> tail(pack<float, W> a) {
  a = select(a > 12.f, pack<float, W>(12.f), a);
  const auto t = 1.f / (1.f + 0.4f * a);
  return times_exp_of_square(t * polynomial(t, 0.060217697f, -0.22064888f, 0.22849435f, -0.05586761f, 0.1661729f,
                                            0.16137493f, 0.20901805f, 0.22557162f, 0.22567897f),
                             a, -1.f);
}
}  // namespace error_functions

/// At most 2 ulp.
template <int W>
FUSE_HD pack<float, W> erf(pack<float, W> x) {
  using namespace error_functions;
  const auto a = abs(x);
  return copysign(select(a < 1.f, near(a), 1.f - tail(a)), x);
}

/// At most 5 ulp, subnormal results included.
template <int W>
FUSE_HD pack<float, W> erfc(pack<float, W> x) {
  using namespace error_functions;
  const auto a = abs(x), y = tail(a);
  return select(a < 0.75f, 1.f - near(x), select(x < 0.f, 2.f - y, y));
}

/// P(X <= x) of a standard normal X, for |x| <= 40. f32, packs and devices: at most 4 ulp, subnormal results included.
template <class V>
FUSE_HD V normal_distribution(V x) {
  if constexpr (sizeof(scalar_of<V>) == 8) {
    return erfc(x * V(-0x1.6a09e667f3bcdp-1)) * 0.5;
  } else {
    const V bounded = abs(x), a = select(bounded > 20.f, V(20.f), bounded);
    // e^(-a^2 / 2) t P(t) with t = 1 / (1 + 0.3 a), minimax up to a = 14.5: relative error 2^-28
    const V t = reciprocal_of_normal(1.f + 0.3f * a);
    const V y = error_functions::times_exp_of_square(
        t * polynomial(t, -0.02062429f, 0.11244014f, -0.22822441f, 0.19179916f, -0.07943582f, 0.096163526f, 0.07838731f,
                       0.11023593f, 0.11957175f, 0.11968669f),
        a, -0.5f);
    return select(x > 0.f, 1.f - y, y);
  }
}

}  // namespace fuse::math

// SPDX-License-Identifier: Apache-2.0
// erf, erfc on f32 packs, and the distribution function of the normal distribution: near zero a polynomial, in the tail
// e^(-x^2) times a polynomial in 1 / (1 + c x).
#pragma once
#include <fuse/math/exponential.hpp>
#include <fuse/math/fma.hpp>
#include <fuse/math/root.hpp>

namespace fuse::math {

namespace error_functions {
/// x^2 - square, for the square as it was rounded.
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> rest_of_square(pack<float, W> x, pack<float, W> square) {
  if constexpr (instructions::quick_multiply_add) return instructions::multiply_subtract(x, x, square);
  const auto head = from_bits(bits_of(x) & ~0xfff);  // 12 bits: its square is exact
  return (head * head - square) + (x - head) * (x + head);
}
/// y e^(power x^2) for power -1 or -1/2, where x^2 is not rounded: the exponential magnifies an error of x^2.
template <class V>
FUSE_HD V times_exp_of_square(V y, V x, float power) {
  const V square = x * x;
  if constexpr (std::is_same_v<V, float>) {
    const float e = y * exp(power * square);
    return fma(power * fma(x, x, -square), e, e);
  } else {
    return exponentials::exp_times(y, power * square, power * rest_of_square(x, square));
  }
}

/// erf(x) on [-1, 1]: x + x R(x^2), minimax, relative error 2^-29.4.
template <int W>
FUSE_HD pack<float, W> near(pack<float, W> x) {
  const auto r = polynomial(x * x, 7.806904e-05f, -0.0007997853f, 0.005187162f, -0.026853347f, 0.11283579f,
                            -0.37612626f, 0.12837917f);
  return quick_fma(x, r, x);
}
/// erfc(b a) for b a >= 1/2: e^(power a^2) t P(t) with t = 1 / (1 + 0.4 b a) and power = -b^2; P is minimax up to
/// b a = 10.1 (where erfc is subnormal), relative error 2^-27.8.
template <int W>
FUSE_HD pack<float, W> tail(pack<float, W> a, float b, float power) {
  a = select(a > 20.f, pack<float, W>(20.f), a);  // 0 already; infinity would meet itself below
  const auto t = 1.f / quick_fma(a, 0.4f * b, 1.f);
  return times_exp_of_square(t * polynomial(t, 0.060217697f, -0.22064888f, 0.22849435f, -0.05586761f, 0.1661729f,
                                            0.16137493f, 0.20901805f, 0.22557162f, 0.22567897f),
                             a, power);
}
inline constexpr float near_enough = 0.75f;  // where erfc is 1 - erf
}  // namespace error_functions

/// At most 2 ulp.
template <int W>
FUSE_HD pack<float, W> erf(pack<float, W> x) {
  using namespace error_functions;
  const auto a = abs(x);
  return copysign(select(a < 1.f, near(a), 1.f - tail(a, 1.f, -1.f)), x);
}

/// At most 5 ulp, subnormal results included.
template <int W>
FUSE_HD pack<float, W> erfc(pack<float, W> x) {
  using namespace error_functions;
  const auto a = abs(x), y = tail(a, 1.f, -1.f);
  return select(a < near_enough, 1.f - near(x), select(x < 0.f, 2.f - y, y));
}

/// P(X <= x) of a standard normal X: erfc(-x / sqrt(2)) / 2. At most 6 ulp, subnormal results included.
/// P(X <= -a) = e^(-a^2 / 2) t Q(t) with t = 1 / (1 + 0.3 a / sqrt(2)); Q is minimax for a from 0 to 14.3, where the
/// result is subnormal, relative error 2^-29.8.
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> normal_distribution(pack<float, W> x) {
  using V = pack<float, W>;
  const V a = instructions::lesser_of(V(20.f), abs(x));  // 0 already; infinity would meet itself below
  const V d = quick_fma(a, 0.21213204f, 1.f), t = reciprocal_of_normal(d);
  const V q = polynomial(t, 0.02744551f, -0.16387157f, 0.3652781f, -0.40939802f, 0.37587488f, -0.13446805f, 0.13054314f,
                         0.05594445f, 0.083655916f, 0.08435555f, 0.0846401f);
  const V tq = t * q, y = error_functions::times_exp_of_square(
                          math::fma(instructions::negative_multiply_add(tq, d, q), t, tq), a, -0.5f);
  return select(x > 0.f, 1.f - y, y);
}
/// In f64 the rounding of x / sqrt(2) adds up to 2 x^2 ulp where x < 0.
FUSE_HD double normal_distribution(double x) { return erfc(x * -0x1.6a09e667f3bcdp-1) * 0.5; }
template <int W>
FUSE_HD pack<double, W> normal_distribution(pack<double, W> x) {
  return erfc(x * -0x1.6a09e667f3bcdp-1) * 0.5;
}
/// For devices, in half the instructions of an erf: 2^p(|x|). At most 6 ulp for x > -1; the relative error grows to
/// 2^-19 at -6, and below that the value vanishes with an absolute error of at most 2^-30.
FUSE_HD float normal_distribution(float x) {
  const float a = abs(x);
  // log2 P(X <= -a): minimax on [0, 6], absolute error 2^-23 up to 2 and 2^-24 of the logarithm beyond
  const float p = polynomial(a, -1.7190906e-08f, 5.550853e-07f, -7.648885e-06f, 5.6736975e-05f, -0.00021032777f,
                             -0.00014712606f, 0.0071314713f, -0.052570127f, -0.45917654f, -1.1511099f, -0.9999999f);
#if defined(__CUDA_ARCH__)
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(p));
#else
  const float y = exp2(p);
#endif
  return x > 0 ? 1 - y : y;
}

}  // namespace fuse::math

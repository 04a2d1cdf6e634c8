// SPDX-License-Identifier: Apache-2.0
// exp, exp2, expm1 on f32 packs: x = n log 2 + r, a polynomial in r on [-log2/2, log2/2], times 2^n.
#pragma once
#include <fuse/math/bits.hpp>
#include <fuse/math/libm.hpp>

namespace fuse::math {

namespace exponentials {
inline constexpr float log2_e = 0x1.715476p+0f;
// log 2 = high + low; n * high is exact for |n| < 2^15.
inline constexpr float log_2_high = 0x1.63p-1f, log_2_low = -0x1.bd0106p-13f;

/// x limited to [low, high]; NaN stays NaN.
FUSE_UNCHECKED
template <class V>
FUSE_HD V limit(V x, float low, float high) {
  return instructions::lesser_of(V(high), instructions::greater_of(V(low), x));
}

/// x - n log 2.
template <class V>
FUSE_HD V without_multiple(V x, V n) {
  return quick_fma(n, -log_2_low, quick_fma(n, -log_2_high, x));
}

/// factor e^(x + correction), for 2^-10 <= factor <= 2^10 and a correction that is small beside 1.
template <int W, class... Correction>
FUSE_HD pack<float, W> exp_times(pack<float, W> factor, pack<float, W> x, Correction... correction) {
  using V = pack<float, W>;
  x = limit(x, -160.f, 145.f);
  const auto n = nearest(x, log2_e);
  const V rest = without_multiple(x, n.value), r = (rest + ... + correction);
  // e^r = 1 + r + r^2 q(r): minimax, relative error 2^-28.2
  const V q = polynomial(r, 0.0013820733f, 0.008368677f, 0.041668266f, 0.16666521f, 0.49999994f);
  return scale(quick_fma(factor, quick_fma(r * r, q, r), factor), n.value);
}

/// 2^r for |r| <= 1/2.
template <class V>
FUSE_HD V exp2_fraction(V r) {
  // 1 + r q(r): minimax, relative error 2^-28.3
  const V q = polynomial(r, 0.00015328599f, 0.0013390988f, 0.009618501f, 0.055503596f, 0.24022648f, 0.6931472f);
  return quick_fma(r, q, 1.f);
}
}  // namespace exponentials

/// At most 1.1 ulp, subnormal results included.
template <int W>
FUSE_HD pack<float, W> exp(pack<float, W> x) {
  return exponentials::exp_times(pack<float, W>(1.f), x);
}

/// At most 2 ulp (1 with fused multiply-add), subnormal results included; exact where x is an integer.
template <int W>
FUSE_HD pack<float, W> exp2(pack<float, W> x) {
  x = exponentials::limit(x, -160.f, 135.f);
  const auto n = nearest(x);
  return scale(exponentials::exp2_fraction(x - n.value), n.value);
}

/// At most 2 ulp.
template <int W>
FUSE_HD pack<float, W> expm1(pack<float, W> x) {
  using V = pack<float, W>;
  using integers = pack<std::int32_t, W>;
  const V y = exponentials::limit(x, -18.f, 135.f);
  const auto n = nearest(y, exponentials::log2_e);
  const V r = exponentials::without_multiple(y, n.value);
  // e^r - 1 = r + r^2 q(r): minimax, relative error 2^-31.1
  const V q = polynomial(r, 0.00019762601f, 0.0013932331f, 0.008333545f, 0.041666493f, 0.16666666f, 0.5f);
  // (e^r - 1) 2^n + 2^n - 1, with the power taken out; 1 - 2^-n is 1 from n = 25 on
  const integers bounded = select(n.integer > 30, integers(30), n.integer);
  const V rest = 1.f - power_of_two(integers(0) - bounded);
  return select(x == 0.f, x, scale(quick_fma(r * r, q, r) + rest, n.value));
}

}  // namespace fuse::math

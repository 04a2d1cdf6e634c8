// SPDX-License-Identifier: Apache-2.0
// log, log2, log10, log1p on f32 packs: x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), a polynomial in f.
#pragma once
#include <fuse/math/bits.hpp>
#include <fuse/math/libm.hpp>

namespace fuse::math {

namespace logarithms {
template <int W>
struct parts {
  pack<float, W> exponent, fraction;
};
/// For x > 0 and finite, subnormals included.
template <int W>
FUSE_HD parts<W> split(pack<float, W> x) {
  using V = pack<float, W>;
  const auto tiny = x < 0x1p-126f;
  const auto b = bits_of(select(tiny, x * 0x1p23f, x));
  const auto e = (b - 0x3f3504f3) >> 23;  // 0x3f3504f3 is sqrt(1/2)
  return {convert<float>(e) - select(tiny, V(23.f), V(0.f)), from_bits(b - (e << 23)) - 1.f};
}
/// log(1 + f) - f + f^2 / 2 on [sqrt(1/2) - 1, sqrt(2) - 1]: minimax, error relative to log(1 + f) 2^-30.3.
template <int W>
FUSE_HD pack<float, W> cubic_rest(pack<float, W> f) {
  return f * f * f *
         polynomial(f, 0.06749486f, -0.11670159f, 0.11883476f, -0.124062106f, 0.14220363f, -0.1666799f, 0.20002072f,
                    -0.2500001f, 0.33333313f);
}
/// The values outside (0, infinity): -infinity at 0, NaN below it, and what is infinite or NaN already.
template <int W>
FUSE_HD pack<float, W> with_limits(pack<float, W> x, pack<float, W> y) {
  using V = pack<float, W>;
  const V outside = select(x == 0.f, V(-__builtin_inff()), V(__builtin_nanf("")));
  return select(x > 0.f, select(x < __builtin_inff(), y, x), outside);
}
/// log(1 + f) - f.
template <int W>
FUSE_HD pack<float, W> rest(pack<float, W> f) {
  return quick_fma(f * -0.5f, f, cubic_rest(f));
}
/// e log(2) + log(1 + f); high * e is exact.
template <int W>
FUSE_HD pack<float, W> natural(pack<float, W> e, pack<float, W> f) {
  const auto low = quick_fma(e, -0x1.bd0106p-13f, cubic_rest(f));
  return quick_fma(e, 0x1.63p-1f, quick_fma(f * -0.5f, f, low) + f);
}
}  // namespace logarithms

/// At most 1 ulp.
template <int W>
FUSE_HD pack<float, W> log(pack<float, W> x) {
  const auto p = logarithms::split(x);
  return logarithms::with_limits(x, logarithms::natural(p.exponent, p.fraction));
}

/// At most 2 ulp; exact where x is a power of two.
template <int W>
FUSE_HD pack<float, W> log2(pack<float, W> x) {
  using V = pack<float, W>;
  const auto p = logarithms::split(x);
  const V f = p.fraction, rest = logarithms::rest(f);
  const float c = 0x1.c551dap-2f;  // log2(e) - 1
  return logarithms::with_limits(x, ((quick_fma(rest, c, f * c) + rest) + f) + p.exponent);
}

/// At most 2 ulp.
template <int W>
FUSE_HD pack<float, W> log10(pack<float, W> x) {
  using V = pack<float, W>;
  const auto p = logarithms::split(x);
  const V f = p.fraction, rest = logarithms::rest(f);
  // log10(e) and log10(2), each in two parts; two_high * exponent is exact
  const float e_high = 0x1.bccp-2f, e_low = -0x1.09d5b2p-15f, two_high = 0x1.344p-2f, two_low = 0x1.3509f8p-18f;
  const V low = quick_fma(f, e_high, quick_fma(rest, e_high, quick_fma(f + rest, e_low, p.exponent * two_low)));
  return logarithms::with_limits(x, quick_fma(p.exponent, two_high, low));
}

/// log(1 + x): at most 1 ulp.
template <int W>
FUSE_HD pack<float, W> log1p(pack<float, W> x) {
  using V = pack<float, W>;
  const V u = 1.f + x;
  const auto p = logarithms::split(u);
  // f = (1 + x) 2^-e - 1 without the rounding of 1 + x: both terms are exact where f is small. From 2^24 on u is x
  const V power =
      select(u < 0x1p25f, power_of_two(pack<std::int32_t, W>(0) - convert<std::int32_t>(p.exponent)), V(0.f));
  const V f = select(u < 0x1p25f, quick_fma(x, power, power - 1.f), p.fraction);
  return select(x == 0.f, x, logarithms::with_limits(u, logarithms::natural(p.exponent, f)));
}

}  // namespace fuse::math

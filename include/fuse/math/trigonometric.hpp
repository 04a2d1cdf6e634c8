// SPDX-License-Identifier: Apache-2.0
// sin, cos, tan on f32 packs: x = n pi/2 + r, reduced in f64, then f32 polynomials in r on [-pi/4, pi/4].
#pragma once
#include <fuse/math/bits.hpp>
#include <fuse/math/libm.hpp>

namespace fuse::math {

namespace trigonometry {
inline constexpr float reducible = 0x1p21f;  // from here on lanes go through the C library

template <int W>
struct reduced {
  pack<std::int32_t, W> quadrant;  // its two lowest bits count
  pack<float, W> sine, cosine;     // of r
};

/// For 0 <= x < 2^21. pi/2 = high + middle + low; n * high and n * middle are exact in f64 (31 bits each, n < 2^21), so
/// that r keeps its relative accuracy next to the zeros of sine and cosine.
template <int W>
FUSE_HD reduced<W> reduce(pack<float, W> x) {
  using wide = pack<double, W>;
  const wide a = convert<double>(x), n = quick_fma(a, 0x1.45f306dc9c883p-1, 0x1.8p52) - 0x1.8p52;
  const wide high = quick_fma(n, -0x1.0b4611a4p-34, quick_fma(n, -0x1.921fb544p+0, a));
  const pack<float, W> f = convert<float>(quick_fma(n, -0x1.13198a2e03707p-65, high)), z = f * f;
  // sin(r) = r + r^3 S(r^2), minimax to 2^-27.9; cos(r) = 1 - r^2 / 2 + r^4 C(r^2), minimax to 2^-33
  const pack<float, W> s = polynomial(z, -0.00019517906f, 0.008332187f, -0.16666655f);
  const pack<float, W> c = polynomial(z, 2.4432335e-05f, -0.001388731f, 0.041666646f);
  return {convert<std::int32_t>(n), quick_fma(f, z * s, f), quick_fma(z * z, c, quick_fma(z, -0.5f, 1.f))};
}
/// y, with the lanes where |x| is too large to reduce here (or not finite) through the scalar function f.
template <int W, class F>
FUSE_HD pack<float, W> with_large(pack<float, W> x, pack<float, W> y, F f) {
  return where_rare(abs(x) >= reducible, y, f, x);
}
}  // namespace trigonometry

/// At most 2 ulp, for every x.
template <int W>
FUSE_HD pack<float, W> sin(pack<float, W> x) {
  const auto r = trigonometry::reduce(abs(x));
  const auto y = select((r.quadrant & 1) == 0, r.sine, r.cosine);
  return trigonometry::with_large(x, flip_sign(y, bits_of(x) ^ (r.quadrant << 30)), [](float a) { return sin(a); });
}

/// At most 2 ulp, for every x.
template <int W>
FUSE_HD pack<float, W> cos(pack<float, W> x) {
  const auto r = trigonometry::reduce(abs(x));
  const auto y = select((r.quadrant & 1) == 0, r.cosine, r.sine);
  return trigonometry::with_large(x, flip_sign(y, (r.quadrant + 1) << 30), [](float a) { return cos(a); });
}

/// At most 3 ulp, for every x.
template <int W>
FUSE_HD pack<float, W> tan(pack<float, W> x) {
  const auto r = trigonometry::reduce(abs(x));
  const auto even = (r.quadrant & 1) == 0;
  const auto y = select(even, r.sine, r.cosine) / select(even, r.cosine, r.sine);
  return trigonometry::with_large(x, flip_sign(y, bits_of(x) ^ (r.quadrant << 31)), [](float a) { return tan(a); });
}

}  // namespace fuse::math

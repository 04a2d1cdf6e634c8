// SPDX-License-Identifier: Apache-2.0
// asin, acos, atan, atan2 on f32 packs: odd polynomials on [0, 1/2] and [0, 1], and the identities around them.
#pragma once
#include <fuse/math/bits.hpp>
#include <fuse/math/libm.hpp>
#include <fuse/math/root.hpp>

namespace fuse::math {

namespace inverse_trigonometry {
inline constexpr float half_pi = 0x1.921fb6p+0f, half_pi_rest = -0x1.777a5cp-25f;  // pi/2 is their sum

/// pi/2 - x.
template <class V>
FUSE_HD V complement(V x) {
  return (half_pi - x) + half_pi_rest;
}

/// asin(|x|) = r for |x| <= 1/2, and pi/2 - 2 r above, by asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)).
template <int W>
struct arc {
  pack<float, W> r;
  pack<std::int32_t, W> above;
};
template <int W>
FUSE_HD arc<W> sine_arc(pack<float, W> x) {
  using V = pack<float, W>;
  const V a = abs(x);
  const auto above = a > 0.5f;
  const V z = select(above, quick_fma(a, -0.5f, 0.5f), a * a), s = select(above, sqrt(z), a);
  // asin(s) = s + s^3 P(s^2) on [0, 1/2]: minimax, relative error 2^-31.7
  const V p = polynomial(z, 0.03769645f, 0.014314965f, 0.031839084f, 0.044513375f, 0.07500522f, 0.1666666f);
  return {quick_fma(s, z * p, s), above};
}

/// atan(t) = t + t^3 P(t^2) on [0, 1]: minimax, relative error 2^-31.
template <int W>
FUSE_HD pack<float, W> tangent_arc(pack<float, W> t) {
  const auto z = t * t;
  const auto p = polynomial(z, 0.0011345203f, -0.0074253595f, 0.022777615f, -0.044983257f, 0.06763649f, -0.08821462f,
                            0.11061233f, -0.14280343f, 0.19999716f, -0.33333328f);
  return quick_fma(t, z * p, t);
}
}  // namespace inverse_trigonometry

/// At most 2 ulp; NaN outside [-1, 1].
template <int W>
FUSE_HD pack<float, W> asin(pack<float, W> x) {
  const auto [r, above] = inverse_trigonometry::sine_arc(x);
  return copysign(select(above, inverse_trigonometry::complement(r + r), r), x);
}

/// At most 2 ulp; NaN outside [-1, 1].
template <int W>
FUSE_HD pack<float, W> acos(pack<float, W> x) {
  using namespace inverse_trigonometry;
  const auto [r, above] = sine_arc(x);
  const auto large = select(x < 0.f, 2.f * complement(r), r + r);
  return select(above, large, complement(copysign(r, x)));
}

/// At most 2 ulp.
template <int W>
FUSE_HD pack<float, W> atan(pack<float, W> x) {
  using namespace inverse_trigonometry;
  const auto a = abs(x);
  const auto above = a > 1.f;
  const auto r = tangent_arc(select(above, 1.f / a, a));
  return copysign(select(above, complement(r), r), x);
}

/// At most 3 ulp where the result is not subnormal.
template <int W>
FUSE_HD pack<float, W> atan2(pack<float, W> y, pack<float, W> x) {
  using namespace inverse_trigonometry;
  using V = pack<float, W>;
  const V a = abs(x), b = abs(y);
  const auto steep = b > a;
  const V low = select(steep, a, b), high = select(steep, b, a);
  const V ratio = select(high == 0.f, V(0.f), select(low == high, V(1.f), low / high));  // 0/0 is 0, inf/inf is 1
  const V first = tangent_arc(ratio), octant = select(steep, complement(first), first);
  const V quadrant = select(bits_of(x) < 0, (2 * half_pi - octant) + 2 * half_pi_rest, octant);
  return select((x != x) | (y != y), x + y, copysign(quadrant, y));
}

}  // namespace fuse::math

// SPDX-License-Identifier: Apache-2.0
// floor, ceil, round (ties to even), trunc: exact, with the sign of a zero kept. Integers are their own roundings.
#pragma once
#include <fuse/math/bits.hpp>

namespace fuse::math {

#if defined(__CUDA_ARCH__)
#define FUSE_ROUND(host, device) ::device
#else
#define FUSE_ROUND(host, device) __builtin_##host
#endif
FUSE_HD float round(float x) { return FUSE_ROUND(nearbyintf, rintf)(x); }
FUSE_HD double round(double x) { return FUSE_ROUND(nearbyint, rint)(x); }
FUSE_HD float floor(float x) { return FUSE_ROUND(floorf, floorf)(x); }
FUSE_HD double floor(double x) { return FUSE_ROUND(floor, floor)(x); }
FUSE_HD float ceil(float x) { return FUSE_ROUND(ceilf, ceilf)(x); }
FUSE_HD double ceil(double x) { return FUSE_ROUND(ceil, ceil)(x); }
FUSE_HD float trunc(float x) { return FUSE_ROUND(truncf, truncf)(x); }
FUSE_HD double trunc(double x) { return FUSE_ROUND(trunc, trunc)(x); }
#undef FUSE_ROUND

namespace rounding {
/// |x| rounded to nearest even by adding and taking away 2^23 (2^52), where the spacing of f32 (f64) is 1.
/// What is larger is whole already, and NaN fails the comparison.
template <class T, int W>
FUSE_HD pack<T, W> magnitude(pack<T, W> a) {
  const T whole = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
  return select(a < whole, (a + whole) - whole, a);
}
}  // namespace rounding

template <class T, int W>
requires std::is_floating_point_v<T> FUSE_HD pack<T, W> round(pack<T, W> x) {
  return copysign(rounding::magnitude(abs(x)), x);
}
template <class T, int W>
requires std::is_floating_point_v<T> FUSE_HD pack<T, W> trunc(pack<T, W> x) {
  const pack<T, W> a = abs(x), r = rounding::magnitude(a);
  return copysign(select(r > a, r - T(1), r), x);
}
template <class T, int W>
requires std::is_floating_point_v<T> FUSE_HD pack<T, W> floor(pack<T, W> x) {
  const pack<T, W> r = round(x);
  return select(r > x, r - T(1), r);
}
template <class T, int W>
requires std::is_floating_point_v<T> FUSE_HD pack<T, W> ceil(pack<T, W> x) {
  const pack<T, W> r = round(x);
  return copysign(select(r < x, r + T(1), r), x);
}

#define FUSE_ROUND(name) \
  template <class V>     \
  requires std::is_integral_v<scalar_of<V>> FUSE_HD V name(V x) { return x; }
FUSE_ROUND(round)
FUSE_ROUND(trunc)
FUSE_ROUND(floor)
FUSE_ROUND(ceil)
#undef FUSE_ROUND

}  // namespace fuse::math

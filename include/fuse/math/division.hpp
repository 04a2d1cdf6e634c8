// SPDX-License-Identifier: Apache-2.0
// fmod, remainder, floor_divide with PyTorch's special cases.
#pragma once
#include <fuse/math/fma.hpp>
#include <fuse/math/integer.hpp>
#include <fuse/math/libm.hpp>
#include <fuse/math/round.hpp>

namespace fuse::math {

/// a - b trunc(a / b), exact. In f64 as long as the quotient is below 2^29, so that its product with b is exact.
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> fmod(pack<float, W> a, pack<float, W> b) {
  using wide = pack<double, W>;
  const wide x = convert<double>(abs(a)), y = convert<double>(abs(b)), q = trunc(x / y);
  wide r = quick_fma(-q, y, x);  // negative where the quotient was rounded up to a whole number
  r = select(q == 0.0, x, select(r < 0.0, r + y, r));
  const pack<float, W> result = copysign(convert<float>(r), a);
  const auto large = ~(convert<float>(q) < 0x1p29f);
  return where_rare(
      large, result, [](float s, float t) { return fmod(s, t); }, a, b);
}

template <class V>
requires std::is_integral_v<scalar_of<V>> FUSE_HD V fmod(V a, V b) { return integers::truncating(a, b).remainder; }

template <class V>
FUSE_HD V remainder(V a, V b) {
  if constexpr (std::is_integral_v<scalar_of<V>>) {
    return integers::flooring(a, b).remainder;
  } else {
    const V m = fmod(a, b);
    return select((m != V(0)) & ((m < V(0)) ^ (b < V(0))), m + b, m);
  }
}

template <class V>
FUSE_HD V floor_divide(V a, V b) {
  if constexpr (std::is_integral_v<scalar_of<V>>) {
    return integers::flooring(a, b).quotient;
  } else {
    // a - m is a multiple of b up to one rounding, so that q is next to an integer: to that one it is rounded
    const V m = fmod(a, b), truncated = (a - m) / b;
    const V q = select((m != V(0)) & ((m < V(0)) ^ (b < V(0))), truncated - V(1), truncated), low = floor(q);
    const V whole = select(q - low > V(0.5f), low + V(1), low);
    return select(b == V(0), a / b, select(q != V(0), whole, copysign(V(0), a / b)));
  }
}

}  // namespace fuse::math

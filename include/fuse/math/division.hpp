// SPDX-License-Identifier: Apache-2.0
// fmod, remainder, floor_divide with PyTorch's special cases.
#pragma once
#include <fuse/math/integer.hpp>
#include <fuse/math/libm.hpp>
#include <fuse/math/round.hpp>

namespace fuse::math {

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

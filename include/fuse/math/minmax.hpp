// SPDX-License-Identifier: Apache-2.0
// is_nan, is_infinite, minimum, maximum: of every compute type, scalars and packs.
#pragma once
#include <fuse/math/bits.hpp>

namespace fuse::math {

/// A condition: a bool for scalars, a mask for packs. Integers are never NaN or infinite.
template <class V>
FUSE_HD constexpr auto is_nan(V x) {
  if constexpr (std::is_integral_v<scalar_of<V>>)
    return x < x;
  else
    return x != x;
}
template <class V>
FUSE_HD constexpr auto is_infinite(V x) {
  if constexpr (std::is_integral_v<scalar_of<V>>)
    return x < x;
  else
    return (x == scalar_of<V>(__builtin_inf())) | (x == scalar_of<V>(-__builtin_inf()));
}

/// The smaller operand; NaN if either is (as in PyTorch). Of two zeros the second one.
FUSE_UNCHECKED
template <class V>
FUSE_HD constexpr V minimum(V a, V b) {
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<V, float>) {
    float r;
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
    return r;
  } else
#endif
      if constexpr (is_pack<V> && std::is_floating_point_v<scalar_of<V>>)
    return select(is_nan(a), a, instructions::lesser_of(a, b));
  else
    return select((a < b) | is_nan(a), a, b);
}
FUSE_UNCHECKED
template <class V>
FUSE_HD constexpr V maximum(V a, V b) {
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<V, float>) {
    float r;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
    return r;
  } else
#endif
      if constexpr (is_pack<V> && std::is_floating_point_v<scalar_of<V>>)
    return select(is_nan(a), a, instructions::greater_of(a, b));
  else
    return select((a > b) | is_nan(a), a, b);
}

}  // namespace fuse::math

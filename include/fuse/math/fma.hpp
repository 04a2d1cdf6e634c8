// SPDX-License-Identifier: Apache-2.0
// fma: a b + c, rounded once; and sums and products that are rounded twice.
//
// What is written `a * b + c` is one rounding or two as a compiler likes: GCC from -O2 on, nvcc, and ptxas after it
// make one fma of it, wherever the product and the sum meet, and two equal expressions may differ. So whoever wants one
// rounding says `fma` here, or `quick_fma` where two will do too, and products and sums that users write are
// `rounded_product` and `rounded_sum`. On packs `*` is the rounded product.
#pragma once
#include <fuse/math/instructions.hpp>

namespace fuse::math {

FUSE_HD float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
FUSE_HD double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
FUSE_HD std::int32_t fma(std::int32_t a, std::int32_t b, std::int32_t c) {
  return std::int32_t(std::uint32_t(a) * std::uint32_t(b) + std::uint32_t(c));
}
FUSE_HD std::int64_t fma(std::int64_t a, std::int64_t b, std::int64_t c) {
  return std::int64_t(std::uint64_t(a) * std::uint64_t(b) + std::uint64_t(c));
}
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> fma(pack<T, W> a, pack<T, W> b, pack<T, W> c) {
  if constexpr (std::is_integral_v<T>)
    return a * b + c;
  else
    return instructions::multiply_add(a, b, c);
}

/// a b + c by one instruction where the target has one, else by two, which then round the product too.
template <class V>
FUSE_HD V quick_fma(V a, std::type_identity_t<V> b, std::type_identity_t<V> c) {
#if defined(__CUDA_ARCH__)
  return fma(a, b, c);
#else
  if constexpr (instructions::quick_multiply_add)
    return fma(a, b, c);
  else
    return a * b + c;
#endif
}

/// a b, rounded.
template <class V>
FUSE_HD constexpr V rounded_product(V a, V b) {
  if constexpr (std::is_floating_point_v<V>) {
    if (!__builtin_is_constant_evaluated()) {
#if !defined(__CUDA_ARCH__)
      return packs::rounded<V>(a * b);
#else
      if constexpr (std::is_same_v<V, float>)
        return __fmul_rn(a, b);
      else
        return __dmul_rn(a, b);
#endif
    }
  }
  return a * b;
}

/// a + b and a - b, of operands as they were rounded.
template <class V>
FUSE_HD constexpr V rounded_sum(V a, V b) {
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_floating_point_v<V>) {
    if (!__builtin_is_constant_evaluated()) {
      if constexpr (std::is_same_v<V, float>)
        return __fadd_rn(a, b);
      else
        return __dadd_rn(a, b);
    }
  }
#endif
  return a + b;
}
template <class V>
FUSE_HD constexpr V rounded_difference(V a, V b) {
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_floating_point_v<V>) {
    if (!__builtin_is_constant_evaluated()) {
      if constexpr (std::is_same_v<V, float>)
        return __fsub_rn(a, b);
      else
        return __dsub_rn(a, b);
    }
  }
#endif
  return a - b;
}

}  // namespace fuse::math

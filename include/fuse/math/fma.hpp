// SPDX-License-Identifier: Apache-2.0
// fma: a b + c, rounded once.
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

}  // namespace fuse::math

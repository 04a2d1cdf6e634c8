// SPDX-License-Identifier: Apache-2.0
// f16 (IEEE 754 binary16) and bf16 as storage types: 2 bytes, computed in f32, rounded to nearest even.
#pragma once
#include <cstdint>
#include <fuse/config.hpp>

namespace fuse {
namespace half_bits {

FUSE_HD constexpr std::uint32_t bits_of(float x) { return __builtin_bit_cast(std::uint32_t, x); }
FUSE_HD constexpr float float_of(std::uint32_t x) { return __builtin_bit_cast(float, x); }

FUSE_HD constexpr std::uint16_t to_bf16(float x) {
#if defined(__CUDA_ARCH__)
  if (!__builtin_is_constant_evaluated()) {
    std::uint16_t r;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r) : "f"(x));
    return r;
  }
#endif
  const std::uint32_t u = bits_of(x);
  return x != x ? std::uint16_t(0x7fff) : std::uint16_t((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

FUSE_HD constexpr float from_bf16(std::uint16_t x) { return float_of(std::uint32_t(x) << 16); }

FUSE_HD constexpr std::uint16_t to_f16(float x) {
#if defined(__CUDA_ARCH__)
  if (!__builtin_is_constant_evaluated()) {
    std::uint16_t r;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(x));
    return r;
  }
#endif
  const std::uint32_t u = bits_of(x), sign = u >> 16 & 0x8000u, magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return std::uint16_t(sign | 0x7fffu);   // NaN
  if (magnitude >= 0x477ff000u) return std::uint16_t(sign | 0x7c00u);  // rounds to infinity
  if (magnitude < 0x38800000u) {  // subnormal: let the f32 adder round at the f16 subnormal spacing of 2^-24
    return std::uint16_t(sign | (bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u));
  }
  const std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
  return std::uint16_t(sign | ((rounded - 0x38000000u) >> 13));
}

FUSE_HD constexpr float from_f16(std::uint16_t x) {
#if defined(__CUDA_ARCH__)
  if (!__builtin_is_constant_evaluated()) {
    float r;
    asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(x));
    return r;
  }
#endif
  // Scaling by 2^112 moves the f16 exponent bias (15) to the f32 one (127), subnormals included.
  const std::uint32_t sign = std::uint32_t(x & 0x8000u) << 16, magnitude = std::uint32_t(x & 0x7fffu) << 13;
  const float scaled = float_of(magnitude) * float_of(0x77800000u);
  const bool special = (x & 0x7c00u) == 0x7c00u;  // infinity or NaN
  return float_of(sign | (special ? 0x7f800000u | magnitude : bits_of(scaled)));
}

}  // namespace half_bits

struct alignas(2) f16 {
  std::uint16_t bits = 0;
  f16() = default;
  FUSE_HD constexpr explicit f16(float x) : bits(half_bits::to_f16(x)) {}
  FUSE_HD constexpr explicit operator float() const { return half_bits::from_f16(bits); }
};

struct alignas(2) bf16 {
  std::uint16_t bits = 0;
  bf16() = default;
  FUSE_HD constexpr explicit bf16(float x) : bits(half_bits::to_bf16(x)) {}
  FUSE_HD constexpr explicit operator float() const { return half_bits::from_bf16(bits); }
};

}  // namespace fuse

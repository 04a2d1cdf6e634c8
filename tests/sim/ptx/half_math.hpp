// SPDX-License-Identifier: Apache-2.0
// Narrow float formats: exact widening, and rounding of a double to any of them.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "float_math.hpp"

namespace sim::ptx {

/// Rounds `x` to a format of `exponent_bits` and `mantissa_bits`, whose largest exponent is `top` (unbiased) and
/// largest mantissa there `top_mantissa`. Returns the bits without the sign; overflow gives `overflow_bits`, NaN
/// `nan_bits`.
struct narrow_format {
  int exponent_bits, mantissa_bits;
  std::uint32_t largest;        ///< bits of the largest finite value
  std::uint32_t overflow_bits;  ///< what .rn gives above it: infinity, or NaN where the format has none
  std::uint32_t nan_bits;
};
constexpr narrow_format f16_format{5, 10, 0x7bff, 0x7c00, 0x7fff};
constexpr narrow_format bf16_format{8, 7, 0x7f7f, 0x7f80, 0x7fff};
constexpr narrow_format tf32_format{8, 10, 0x7f7fe000 >> 13, 0x7f800000 >> 13, 0x7fffe000 >> 13};
constexpr narrow_format e4m3_format{4, 3, 0x7e, 0x7f, 0x7f};
constexpr narrow_format e5m2_format{5, 2, 0x7b, 0x7c, 0x7f};

enum class tie : unsigned char { even, away, zero, up, down };

inline std::uint32_t round_to(const narrow_format& f, double x, tie mode, bool saturate_finite = false) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  const std::uint32_t sign = std::uint32_t(bits >> 63) << (f.exponent_bits + f.mantissa_bits);
  if (x != x) return f.nan_bits;  // NaN has no sign
  if (x == 0) return sign;
  const int bias = (1 << (f.exponent_bits - 1)) - 1;
  const bool negative = (bits >> 63) != 0;
  const auto overflow = [&] {
    const bool toward = mode == tie::zero || (mode == tie::up && negative) || (mode == tie::down && !negative);
    return sign | (saturate_finite || (toward && !std::isinf(x)) ? f.largest : f.overflow_bits);
  };
  if (std::isinf(x)) return overflow();
  int exponent;
  const double fraction = std::frexp(std::fabs(x), &exponent);  // in [1/2, 1)
  exponent -= 1;
  const int least = 1 - bias;  // of normal values
  // Units in the last place, as an integer with the rest.
  const int unit = std::max(exponent, least) - f.mantissa_bits;
  const double scaled = std::ldexp(fraction, exponent + 1 - unit);
  std::uint64_t whole = std::uint64_t(scaled);
  const double rest = scaled - double(whole);
  bool up = false;
  switch (mode) {
    case tie::even:
      up = rest > 0.5 || (rest == 0.5 && (whole & 1) != 0);
      break;
    case tie::away:
      up = rest >= 0.5;
      break;
    case tie::zero:
      break;
    case tie::up:
      up = rest > 0 && !negative;
      break;
    case tie::down:
      up = rest > 0 && negative;
      break;
  }
  whole += up;
  // Mantissa and exponent are one number: a carry out of the mantissa raises the exponent.
  const std::uint64_t hidden = std::uint64_t{1} << f.mantissa_bits;
  std::uint64_t result = whole;
  if (exponent >= least || whole >= hidden)
    result = whole - hidden + (std::uint64_t(std::max(exponent, least) + bias) << f.mantissa_bits);
  if (result > f.largest) return overflow();
  return sign | std::uint32_t(result);
}

inline double widen_from(const narrow_format& f, std::uint32_t bits) {
  const std::uint32_t magnitude = bits & ((1u << (f.exponent_bits + f.mantissa_bits)) - 1);
  const bool negative = (bits >> (f.exponent_bits + f.mantissa_bits) & 1) != 0;
  const int exponent = int(magnitude >> f.mantissa_bits), bias = (1 << (f.exponent_bits - 1)) - 1;
  const std::uint32_t mantissa = magnitude & ((1u << f.mantissa_bits) - 1);
  double value;
  if (magnitude > f.largest)
    value = f.overflow_bits == f.nan_bits || mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                                                           : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    value = std::ldexp(double(mantissa), 1 - bias - f.mantissa_bits);
  else
    value = std::ldexp(double(mantissa | 1u << f.mantissa_bits), exponent - bias - f.mantissa_bits);
  return negative ? -value : value;
}

struct half_format {
  static constexpr const narrow_format& format = f16_format;
  /// Exact, without branches: the exponent is moved by a multiplication, which also makes subnormals normal.
  static float to_float(std::uint16_t h) {
    const std::uint32_t sign = std::uint32_t(h & 0x8000) << 16, magnitude = h & 0x7fff;
    const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
    const std::uint32_t special = std::bit_cast<std::uint32_t>(scaled) | 0x7f800000u;
    return std::bit_cast<float>(sign | (magnitude >= 0x7c00 ? special : std::bit_cast<std::uint32_t>(scaled)));
  }
  static std::uint16_t from_double(double x) { return std::uint16_t(round_to(f16_format, x, tie::even)); }
  /// Round to nearest even from f32. Normal results round by integer addition, subnormal ones by a float addition that
  /// puts the last place where the half's is.
  static std::uint16_t from_float(float x) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), magnitude = bits & 0x7fffffff;
    const std::uint32_t sign = bits >> 16 & 0x8000;
    const std::uint32_t normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    const std::uint32_t small = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
    std::uint32_t r = magnitude < 0x38800000u ? small : normal;
    r = magnitude >= 0x477ff000u ? 0x7c00u : r;
    return std::uint16_t(magnitude > 0x7f800000u ? 0x7fffu : sign | r);
  }
};

struct brain_format {
  static constexpr const narrow_format& format = bf16_format;
  static float to_float(std::uint16_t h) { return std::bit_cast<float>(std::uint32_t(h) << 16); }
  static std::uint16_t from_double(double x) { return std::uint16_t(round_to(bf16_format, x, tie::even)); }
  static std::uint16_t from_float(float x) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    return std::uint16_t((bits & 0x7fffffff) > 0x7f800000u ? 0x7fffu : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
};

/// .ftz: subnormal halves become zeros of the same sign.
template <class H, bool ftz>
std::uint16_t flushed_half(std::uint16_t h) {
  constexpr std::uint16_t exponent = std::uint16_t(0x7fff & ~((1u << H::format.mantissa_bits) - 1));
  return ftz && (h & exponent) == 0 ? std::uint16_t(h & 0x8000) : h;
}

/// A sum of two doubles rounded to odd: a later rounding to fewer than 52 bits is then as from the exact sum.
inline double add_to_odd(double a, double b) {
  const double s = a + b;
  if (!std::isfinite(s)) return s;
  const double v = s - a, error = (a - (s - v)) + (b - v);
  std::uint64_t bits = std::bit_cast<std::uint64_t>(s);
  if (error != 0 && (bits & 1) == 0) bits += (error > 0) == (s > 0) ? 1 : std::uint64_t(-1);
  return std::bit_cast<double>(bits);
}

/// To f32, rounded to odd.
inline float narrow_to_odd(double x) {
  const float f = float(x);
  std::uint32_t bits = std::bit_cast<std::uint32_t>(f);
  const double back = double(f), off = std::fabs(back) - std::fabs(x);
  // Above the largest f32 and at zero the neighbours are odd, or overflow in the narrower format all the same.
  bits -= off > 0 && (bits & 0x7fffffffu) != 0 ? 1 : 0;
  bits |= off != 0 ? 1 : 0;
  return x - x == 0 ? std::bit_cast<float>(bits) : f;
}

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
#include "convert_value.hpp"

#include <cmath>
#include <limits>

#include "lanes.hpp"

namespace sim::ptx {
namespace {

double integral(double x, tie mode) {
  switch (mode) {
    case tie::zero:
      return std::trunc(x);
    case tie::down:
      return std::floor(x);
    case tie::up:
      return std::ceil(x);
    case tie::away:
      return std::round(x);
    case tie::even:
      break;
  }
  return std::nearbyint(x);
}

template <class T>
T clamp_to(double x, bool nan_is_zero) {
  if (x != x) return nan_is_zero ? T(0) : T(std::make_unsigned_t<T>(1) << (sizeof(T) * 8 - 1));
  // The bounds as doubles: max + 1 is a power of two.
  const double above = std::ldexp(1.0, int(sizeof(T) * 8) - int(std::is_signed_v<T>));
  const double below = std::is_signed_v<T> ? -above : 0;
  if (x >= above) return std::numeric_limits<T>::max();
  if (x < below) return std::numeric_limits<T>::min();
  return T(x);
}

/// A value on its way: exact as a double, or a 64-bit integer.
struct value {
  bool is_integer = false, is_unsigned = false;
  double real = 0;
  s64 integer = 0;
};

value read(type t, u64 bits) {
  const auto whole = [](s64 x, bool is_unsigned = false) { return value{true, is_unsigned, 0, x}; };
  const auto real = [](double x) { return value{false, false, x, 0}; };
  switch (t) {
    case type::u8:
    case type::b8:
      return whole(u8(bits));
    case type::s8:
      return whole(s8(bits));
    case type::u16:
    case type::b16:
      return whole(u16(bits));
    case type::s16:
      return whole(s16(bits));
    case type::u32:
    case type::b32:
      return whole(u32(bits));
    case type::s32:
      return whole(s32(bits));
    case type::u64:
    case type::b64:
      return whole(s64(bits), true);
    case type::s64:
      return whole(s64(bits));
    case type::f16:
      return real(half_format::to_float(u16(bits)));
    case type::bf16:
      return real(brain_format::to_float(u16(bits)));
    case type::f32:
      return real(std::bit_cast<float>(u32(bits)));
    default:
      return real(std::bit_cast<double>(bits));
  }
}

/// To double, rounded to odd where 64 bits do not fit: right for a later rounding to fewer bits.
double to_odd(const value& v) {
  if (!v.is_integer) return v.real;
  const double high = v.is_unsigned ? double(u64(v.integer) >> 32) : double(v.integer >> 32);
  return add_to_odd(high * 0x1p32, double(u64(v.integer) & 0xffffffffu));
}

float to_f32(const value& v, tie mode) {
  const rounding_scope scope(mode == tie::zero   ? rounding::zero
                             : mode == tie::up   ? rounding::up
                             : mode == tie::down ? rounding::down
                                                 : rounding::nearest);
  return opaque(float(opaque(to_odd(v))));
}
double to_f64(const value& v, tie mode) {
  if (!v.is_integer) return v.real;
  const rounding_scope scope(mode == tie::zero   ? rounding::zero
                             : mode == tie::up   ? rounding::up
                             : mode == tie::down ? rounding::down
                                                 : rounding::nearest);
  const double high = v.is_unsigned ? double(u64(v.integer) >> 32) : double(v.integer >> 32);
  return opaque(opaque(high * 0x1p32) + opaque(double(u64(v.integer) & 0xffffffffu)));
}

template <class T>
u64 to_integer(const value& v, tie mode, unsigned flags, bool from_f64) {
  if (!v.is_integer) {
    // A NaN gives 0, except where 64 bits take part.
    const T r = clamp_to<T>(integral(v.real, mode), !from_f64 && sizeof(T) < 8);
    return u64(s64(r));
  }
  if ((flags & saturate_bit) == 0) return u64(s64(T(v.integer)));
  constexpr T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  if (v.is_unsigned) return u64(v.integer) > u64(most) ? u64(most) : u64(v.integer);
  if (v.integer < 0) return std::is_signed_v<T> ? u64(std::max<s64>(v.integer, s64(least))) : 0;
  return u64(v.integer) > u64(most) ? u64(most) : u64(v.integer);
}

}  // namespace

u64 convert_one(u64 bits, type from, type to, tie mode, unsigned flags) {
  value v = read(from, bits);
  if ((flags & flush_bit) != 0 && from == type::f32) v.real = double(flush(float(v.real)));
  if ((flags & integral_bit) != 0 && is_float(to) && !v.is_integer) v.real = integral(v.real, mode);
  const auto limited = [&](double x) {
    if ((flags & saturate_bit) != 0) x = saturated(x);
    if ((flags & relu_bit) != 0 && x < 0) x = 0;
    return x;
  };
  switch (to) {
    case type::u8:
    case type::b8:
      return to_integer<u8>(v, mode, flags, from == type::f64);
    case type::s8:
      return to_integer<s8>(v, mode, flags, from == type::f64);
    case type::u16:
    case type::b16:
      return to_integer<u16>(v, mode, flags, from == type::f64);
    case type::s16:
      return to_integer<s16>(v, mode, flags, from == type::f64);
    case type::u32:
    case type::b32:
      return to_integer<u32>(v, mode, flags, from == type::f64);
    case type::s32:
      return to_integer<s32>(v, mode, flags, from == type::f64);
    case type::u64:
    case type::b64:
      return to_integer<u64>(v, mode, flags, from == type::f64);
    case type::s64:
      return to_integer<s64>(v, mode, flags, from == type::f64);
    case type::f32: {
      float r = canonical(float(limited(double(to_f32(v, mode)))));
      if ((flags & flush_bit) != 0) r = flush(r);
      return std::bit_cast<u32>(r);
    }
    case type::f64:
      return std::bit_cast<u64>(limited(to_f64(v, mode)));
    default:
      break;
  }
  const bool finite = (flags & finite_bit) != 0;
  const auto& format = to == type::f16 ? f16_format : to == type::bf16 ? bf16_format : tf32_format;
  u32 r = round_to(format, limited(to_odd(v)), mode, finite);
  const u32 sign = u32{1} << (format.exponent_bits + format.mantissa_bits);
  if ((flags & relu_bit) != 0 && r == sign) r = 0;
  return to == type::tf32 ? r << 13 : r;
}

}  // namespace sim::ptx

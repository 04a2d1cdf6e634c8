// SPDX-License-Identifier: Apache-2.0
// Conversions between compute types, defined for every value.
//
//   float to integer   truncated towards zero; what lies outside [Low, High] becomes the nearer of them, NaN becomes 0
//   to f16 and bf16    by way of a float, rounded to odd where a float cannot hold the value: what is rounded again
//   then
//                      is what would be rounded once (Boldo and Melquiond, "When double rounding is odd", 2005)
//
// C++ leaves the first undefined out of range, and processors differ: x86 gives the most negative integer there.
#pragma once
#include <fuse/math/bits.hpp>
#include <limits>

namespace fuse::math {

namespace conversion {
/// The least From above High where From cannot hold High (a power of two), else High; and the largest From up to High.
template <class From, std::int64_t High>
struct upper_end {
  static constexpr bool exact = High <= (std::int64_t(1) << std::numeric_limits<From>::digits);
  static constexpr From above = From(High);
  static constexpr From most = exact ? above : above - above * (std::numeric_limits<From>::epsilon() / 2);
};
}  // namespace conversion

/// x truncated and limited to [Low, High], which To holds.
FUSE_UNCHECKED
template <class To, std::int64_t Low, std::int64_t High, class From, int W>
requires std::is_floating_point_v<From> FUSE_HD pack<To, W> to_integer(pack<From, W> x) {
  using end = conversion::upper_end<From, High>;
  // NaN becomes Low.
  const auto limited =
      instructions::lesser_of(instructions::greater_of(x, pack<From, W>(From(Low))), pack<From, W>(end::most));
  auto r = packs::convert<To>(limited);
  using mask = scalar_of<typename pack<To, W>::mask>;
  if constexpr (!end::exact) r = select(packs::convert<mask>(x >= end::above), pack<To, W>(To(High)), r);
  if constexpr (Low != 0) r = select(packs::convert<mask>(x == x), r, pack<To, W>(To(0)));
  return r;
}

/// x as a float that keeps what a further rounding must know: where it is inexact, the odd one of its two neighbours.
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> to_odd(pack<double, W> x) {
  const auto near = packs::convert<float>(x);
  const auto back = packs::convert<double>(near);
  const auto over = packs::convert<std::int32_t>(abs(back) > abs(x));  // -1 where true
  const auto inexact = packs::convert<std::int32_t>(back != x);
  return packs::bits<float>((packs::bits<std::int32_t>(near) + over) | (inexact & 1));
}
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> to_odd(pack<std::int32_t, W> x) {
  return to_odd(packs::convert<double>(x));
}
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> to_odd(pack<std::int64_t, W> x) {
  const std::int64_t whole = std::int64_t(1) << 53, low = 0x7ff;  // beyond 2^53 an f64 has no room for the low 11 bits
  const auto odd = (x & ~low) | (((x & low) + low) & (low + 1));
  return to_odd(packs::convert<double>(select((x > whole) | (x < -whole), odd, x)));
}

#if defined(__CUDACC__)
// The same for one value on a device, whose instructions limit to what To holds. As PTX and not as C++: a compiler may
// make what it likes of a conversion that C++ does not define.
namespace conversion {
FUSE_DEVICE std::int32_t truncated(float x, std::int32_t) {
  int r;
  asm("cvt.rzi.s32.f32 %0, %1;" : "=r"(r) : "f"(x));
  return r;  // 0 for NaN
}
FUSE_DEVICE std::int32_t truncated(double x, std::int32_t) {
  int r;
  asm("cvt.rzi.s32.f64 %0, %1;" : "=r"(r) : "d"(x));
  return x != x ? 0 : r;
}
FUSE_DEVICE std::int64_t truncated(float x, std::int64_t) {
  long long r;
  asm("cvt.rzi.s64.f32 %0, %1;" : "=l"(r) : "f"(x));
  return x != x ? 0 : r;
}
FUSE_DEVICE std::int64_t truncated(double x, std::int64_t) {
  long long r;
  asm("cvt.rzi.s64.f64 %0, %1;" : "=l"(r) : "d"(x));
  return x != x ? 0 : r;
}
FUSE_DEVICE float towards_zero(double x) { return __double2float_rz(x); }
FUSE_DEVICE float towards_zero(std::int32_t x) { return __int2float_rz(x); }
FUSE_DEVICE float towards_zero(std::int64_t x) { return __ll2float_rz(x); }
}  // namespace conversion

template <class To, std::int64_t Low, std::int64_t High, class From>
requires std::is_floating_point_v<From> FUSE_DEVICE To to_integer(From x) {
  const To r = conversion::truncated(x, To());
  return r < To(Low) ? To(Low) : r > To(High) ? To(High) : r;
}
template <class From>
requires std::is_arithmetic_v<From> FUSE_DEVICE float to_odd(From x) {
  const float r = conversion::towards_zero(x);
  return __uint_as_float(__float_as_uint(r) | unsigned(From(r) != x));
}
#endif

}  // namespace fuse::math

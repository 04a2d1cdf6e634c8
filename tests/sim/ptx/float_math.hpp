// SPDX-License-Identifier: Apache-2.0
// What f32 and f64 operations of PTX do beyond C++: flushing of subnormals, saturation, NaNs, directed rounding.
#pragma once

#include <xmmintrin.h>

#include <bit>
#include <cmath>
#include <limits>

#include "lanes.hpp"

namespace sim::ptx {

/// A float operation's result that is no number is 0x7fffffff in f32; f64 keeps what the operation gave.
inline float canonical(float x) { return x != x ? std::bit_cast<float>(0x7fffffffu) : x; }
inline double canonical(double x) { return x; }

/// .ftz: subnormals become zeros of the same sign.
inline float flush(float x) {
  const u32 bits = std::bit_cast<u32>(x);
  return std::bit_cast<float>((bits & 0x7f800000u) == 0 ? bits & 0x80000000u : bits);
}
inline double flush(double x) { return x; }
template <bool ftz, class T>
T flushed(T x) {
  if constexpr (ftz) return flush(x);
  return x;
}

/// .sat: into [0, 1], no number becomes 0.
template <class T>
T saturated(T x) {
  return x > T(0) ? (x < T(1) ? x : T(1)) : T(0);
}

/// -0 is less than +0; a NaN gives way to a number unless `nan`.
template <bool nan, class T>
T lesser(T a, T b) {
  using B = slot<T>;
  const T both = std::bit_cast<T>(B(std::bit_cast<B>(a) | std::bit_cast<B>(b)));
  const T r = a == b ? both : a < b ? a : b;
  const T quiet =
      sizeof(T) == 4 ? T(canonical(std::numeric_limits<float>::quiet_NaN())) : std::numeric_limits<T>::quiet_NaN();
  if (nan) return a != a || b != b ? quiet : r;
  return a != a ? (b != b ? quiet : b) : b != b ? a : r;
}
template <bool nan, class T>
T greater(T a, T b) {
  using B = slot<T>;
  const T both = std::bit_cast<T>(B(std::bit_cast<B>(a) & std::bit_cast<B>(b)));
  const T r = a == b ? both : a > b ? a : b;
  const T quiet =
      sizeof(T) == 4 ? T(canonical(std::numeric_limits<float>::quiet_NaN())) : std::numeric_limits<T>::quiet_NaN();
  if (nan) return a != a || b != b ? quiet : r;
  return a != a ? (b != b ? quiet : b) : b != b ? a : r;
}

enum class rounding : unsigned char { nearest, down, up, zero };

/// Sets the rounding of SSE arithmetic while it lives. The compiler knows nothing of it: values that cross in or out
/// go through `opaque`.
class rounding_scope {
 public:
  explicit rounding_scope(rounding mode) : before_(_mm_getcsr()) {
    _mm_setcsr((before_ & ~0x6000u) | unsigned(mode) << 13);
  }
  ~rounding_scope() { _mm_setcsr(before_); }
  rounding_scope(const rounding_scope&) = delete;
  rounding_scope& operator=(const rounding_scope&) = delete;

 private:
  unsigned before_;
};
template <class T>
T opaque(T x) {
  asm volatile("" : "+x"(x));
  return x;
}

/// Takes .rn, .rz, .rm or .rp off the line.
rounding take_rounding(struct line& l);

}  // namespace sim::ptx

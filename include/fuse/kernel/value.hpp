// SPDX-License-Identifier: Apache-2.0
// The values a kernel body holds: several neighbouring elements of a compute type. On the host a value is a pack
// (vector registers), on a device a small array of registers. Both offer the same functions, so that a body is written
// once.
#pragma once
#include <fuse/op/op_info.hpp>

namespace fuse {

/// How the elements of one access lie along the innermost axis.
enum class stepping : std::uint8_t {
  none,     // one element serves the whole axis
  unit,     // neighbours in memory
  strided,  // a run-time stride
};

namespace values {

/// A value narrowed to what its dtype can hold: i8 and u8 wrap, bool is 0 or 1.
template <dtype D, class T>
FUSE_HD T narrow_scalar(T x) {
  if constexpr (D == dtype::i8)
    return T(std::int8_t(x));
  else if constexpr (D == dtype::u8)
    return T(std::uint8_t(x));
  else if constexpr (D == dtype::boolean)
    return T(x != T(0));
  else
    return x;
}

/// From storage to the compute type and back.
template <dtype D>
FUSE_HD compute_type_of<D> widen(type_of<D> x) {
  if constexpr (D == dtype::f16 || D == dtype::bf16)
    return float(x);
  else
    return compute_type_of<D>(x);
}
template <dtype D>
FUSE_HD type_of<D> shrink(compute_type_of<D> x) {
  if constexpr (D == dtype::boolean)
    return x != 0;
  else
    return type_of<D>(x);
}

/// A reduction's start value: ±infinity saturates to the limits of the type.
template <dtype D>
FUSE_HD constexpr compute_type_of<D> identity(double x) {
  using T = compute_type_of<D>;
  if constexpr (D >= dtype::f16) {
    return T(x);
  } else {
    constexpr long long bits = D == dtype::boolean ? 0
                               : D == dtype::i8    ? 7
                               : D == dtype::u8    ? 8
                               : D == dtype::i32   ? 31
                                                   : 63;
    constexpr long long high = D == dtype::boolean ? 1 : bits == 63 ? __LONG_LONG_MAX__ : (1ll << bits) - 1;
    constexpr long long low = D == dtype::boolean || D == dtype::u8 ? 0 : -high - 1;
    return x == __builtin_inf() ? T(high) : x == -__builtin_inf() ? T(low) : T(x);
  }
}

}  // namespace values

}  // namespace fuse

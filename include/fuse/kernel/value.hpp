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
FUSE_HD compute_type_of<D> widen(stored_type_of<D> x) {
  if constexpr (D == dtype::f16 || D == dtype::bf16)
    return float(x);
  else if constexpr (D == dtype::boolean)
    return x != 0;
  else
    return compute_type_of<D>(x);
}
template <dtype D>
FUSE_HD stored_type_of<D> shrink(compute_type_of<D> x) {
  if constexpr (D == dtype::boolean)
    return x != 0;
  else
    return type_of<D>(x);
}

/// Would a float on the way round what f16 or bf16 round again? (As f16, a whole number that a float rounds is
/// infinite.)
template <dtype To, dtype From>
inline constexpr bool rounds_twice = (To == dtype::bf16 &&
                                      (From == dtype::f64 || From == dtype::i64 || From == dtype::i32)) ||
                                     (To == dtype::f16 && From == dtype::f64);
template <dtype To, dtype From>
inline constexpr bool truncates = is_floating(From) && !is_floating(To) && To != dtype::boolean;

/// A reduction's start value: ±infinity saturates to the limits of the type.
template <dtype D>
FUSE_HD constexpr compute_type_of<D> identity(double x) {
  using T = compute_type_of<D>;
  if constexpr (D >= dtype::f16) {
    return T(x);
  } else {
    return x == __builtin_inf() ? T(dtypes::highest<D>) : x == -__builtin_inf() ? T(dtypes::lowest<D>) : T(x);
  }
}

}  // namespace values

}  // namespace fuse

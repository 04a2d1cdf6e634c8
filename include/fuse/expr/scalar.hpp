// SPDX-License-Identifier: Apache-2.0
// Numbers beside tensors: which C++ types are scalars, their dtypes, and what a dtype makes of a number.
#pragma once
#include <fuse/tensor/dtype.hpp>

namespace fuse {

/// A C++ number: any arithmetic type, f16 and bf16. In the traced function it is a literal, a constant of the graph; as
/// an argument of a call a run-time scalar.
template <class T>
concept literal = std::is_arithmetic_v<T> || std::is_same_v<T, f16> || std::is_same_v<T, bf16>;

/// How an operation takes a scalar that a tensor's dtype does not hold.
enum class scalar_use : std::uint8_t {
  computed,  // floating: as it is, in the compute type (an epsilon of 1e-8 means that even beside f16); integer: modulo
             // 2^bits
  compared,  // floating: rounded to the tensor's dtype; integer: as the number it is
  chosen,    // it may be the result, so it is the nearest that the tensor's dtype holds
};

namespace scalars {

/// The dtype of a run-time scalar: an element type is its own, any other has the smallest that holds its values. Of
/// unsigned 64-bit numbers i64 holds half: a call with a larger one throws.
template <literal T>
consteval dtype find() {
  if constexpr (element<T>)
    return dtype_of<T>;
  else if constexpr (std::is_floating_point_v<T>)
    return dtype::f64;
  else
    return sizeof(T) == 1                                              ? (std::is_signed_v<T> ? dtype::i8 : dtype::u8)
           : sizeof(T) == 2 || (sizeof(T) == 4 && std::is_signed_v<T>) ? dtype::i32
                                                                       : dtype::i64;
}
template <literal T>
inline constexpr dtype type_of_argument = find<T>();

/// The dtype that a literal has by itself.
template <literal T>
inline constexpr dtype type_of_literal = std::is_same_v<T, bool>                          ? dtype::boolean
                                         : std::is_integral_v<T>                          ? dtype::i64
                                         : std::is_floating_point_v<T> && (sizeof(T) > 4) ? dtype::f64
                                                                                          : dtype::f32;

template <literal T>
constexpr double as_double(T x) {
  if constexpr (std::is_arithmetic_v<T>)
    return double(x);
  else
    return float(x);
}

/// An integer as an integer dtype holds it: modulo 2^bits.
constexpr index wrapped(dtype type, index x) {
  return type == dtype::boolean ? x != 0
         : type == dtype::u8    ? index(std::uint8_t(x))
         : type == dtype::i8    ? index(std::int8_t(x))
         : type == dtype::i32   ? index(std::int32_t(x))
                                : x;
}
/// A float as an integer dtype holds it: truncated, the nearest one it has, 0 for NaN.
constexpr index truncated(dtype type, double x) {
  const index low = lowest_of(type), high = highest_of(type);
  return x != x ? 0 : x >= double(high) ? high : x <= double(low) ? low : index(x);
}
/// Where an integer lies: -1 below what an integer dtype holds, 1 above it, else 0.
template <class T>
constexpr int side_of(dtype type, T x) {
  if constexpr (std::is_signed_v<T>)
    if (x < 0) return index(x) < lowest_of(type) ? -1 : 0;
  return std::uint64_t(x) > std::uint64_t(highest_of(type)) ? 1 : 0;
}
/// Does the integer dtype `type` hold whatever `other` holds?
constexpr bool holds(dtype type, dtype other) {
  return lowest_of(type) <= lowest_of(other) && highest_of(type) >= highest_of(other);
}

/// A number rounded once to a floating dtype: to the nearest, ties to even.
constexpr double rounded(dtype type, double x) {
  if (type == dtype::f64 || x != x || x == 0) return x;
  const double size = x < 0 ? -x : x, most = __FLT_MAX__;
  if (size >= most + 0x1p103) return x < 0 ? -__builtin_inf() : __builtin_inf();
  float near = size > most ? __FLT_MAX__ : float(size);
  if (type != dtype::f32 && near != size) {  // the odd one of its neighbours (see math/convert.hpp) is rounded again
    const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, near) - (near > size);
    near = __builtin_bit_cast(float, bits | 1);
  }
  if (type == dtype::f16) near = float(f16(near));
  if (type == dtype::bf16) near = float(bf16(near));
  return x < 0 ? -near : near;
}

}  // namespace scalars
}  // namespace fuse

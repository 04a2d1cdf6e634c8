// SPDX-License-Identifier: Apache-2.0
// Element types: their C++ types, names, sizes, the type they compute in, and PyTorch's promotion rules.
#pragma once
#include <cstdint>
#include <fuse/tensor/half.hpp>
#include <type_traits>
#include <utility>

namespace fuse {

enum class dtype : std::uint8_t { boolean, u8, i8, i32, i64, f16, bf16, f32, f64 };

/// The type a value has in registers: i8, u8 and bool compute in i32; f16 and bf16 in f32.
enum class compute : std::uint8_t { i32, i64, f32, f64 };

namespace dtypes {
template <dtype D, class T, compute C>
struct entry {
  static constexpr dtype value = D;
  using type = T;
  static constexpr compute in = C;
};
template <dtype D>
struct of;
template <>
struct of<dtype::boolean> : entry<dtype::boolean, bool, compute::i32> {};
template <>
struct of<dtype::u8> : entry<dtype::u8, std::uint8_t, compute::i32> {};
template <>
struct of<dtype::i8> : entry<dtype::i8, std::int8_t, compute::i32> {};
template <>
struct of<dtype::i32> : entry<dtype::i32, std::int32_t, compute::i32> {};
template <>
struct of<dtype::i64> : entry<dtype::i64, std::int64_t, compute::i64> {};
template <>
struct of<dtype::f16> : entry<dtype::f16, f16, compute::f32> {};
template <>
struct of<dtype::bf16> : entry<dtype::bf16, bf16, compute::f32> {};
template <>
struct of<dtype::f32> : entry<dtype::f32, float, compute::f32> {};
template <>
struct of<dtype::f64> : entry<dtype::f64, double, compute::f64> {};

template <compute C>
using compute_type = std::conditional_t<
    C == compute::i32, std::int32_t,
    std::conditional_t<C == compute::i64, std::int64_t, std::conditional_t<C == compute::f32, float, double>>>;
}  // namespace dtypes

template <dtype D>
using type_of = typename dtypes::of<D>::type;
/// How kernels read and write an element: a bool as a byte, of which any but 0 is true, as in masks of 0 and 255. (As a
/// bool, C++ leaves it undefined.)
template <dtype D>
using stored_type_of = std::conditional_t<D == dtype::boolean, std::uint8_t, type_of<D>>;
template <dtype D>
using compute_type_of = dtypes::compute_type<dtypes::of<D>::in>;

template <class T>
consteval int find_dtype() {
  using U = std::remove_cv_t<T>;
  if (std::is_same_v<U, long long>) return int(dtype::i64);
  int found = -1;
  [&]<dtype... D>(std::integer_sequence<dtype, D...>) {
    ((found = std::is_same_v<U, type_of<D>> ? int(D) : found), ...);
  }
  (std::integer_sequence<dtype, dtype::boolean, dtype::u8, dtype::i8, dtype::i32, dtype::i64, dtype::f16, dtype::bf16,
                         dtype::f32, dtype::f64>{});
  return found;
}

/// A C++ type that is the storage of some dtype (const is ignored).
template <class T>
concept element = find_dtype<T>()
>= 0;

template <element T>
inline constexpr dtype dtype_of = dtype(find_dtype<T>());

constexpr int size_of(dtype d) {
  constexpr int size[] = {1, 1, 1, 4, 8, 2, 2, 4, 8};
  return size[int(d)];
}
constexpr const char* name_of(dtype d) {
  constexpr const char* name[] = {"bool", "u8", "i8", "i32", "i64", "f16", "bf16", "f32", "f64"};
  return name[int(d)];
}
constexpr compute compute_of(dtype d) {
  return d >= dtype::f64   ? compute::f64
         : d >= dtype::f16 ? compute::f32
         : d == dtype::i64 ? compute::i64
                           : compute::i32;
}
constexpr bool is_floating(dtype d) { return d >= dtype::f16; }
constexpr bool is_integer(dtype d) { return d > dtype::boolean && d < dtype::f16; }
/// The integers that an integer dtype or bool holds.
constexpr std::int64_t highest_of(dtype d) {
  return d == dtype::boolean ? 1
         : d == dtype::u8    ? 255
         : d == dtype::i8    ? 127
         : d == dtype::i32   ? INT32_MAX
                             : INT64_MAX;
}
constexpr std::int64_t lowest_of(dtype d) { return d <= dtype::u8 ? 0 : -highest_of(d) - 1; }
namespace dtypes {  // the same where device code asks
template <dtype D>
inline constexpr std::int64_t lowest = lowest_of(D);
template <dtype D>
inline constexpr std::int64_t highest = highest_of(D);
}  // namespace dtypes
/// 0 boolean, 1 integer, 2 floating: a scalar promotes a tensor only across categories.
constexpr int category_of(dtype d) { return is_floating(d) ? 2 : is_integer(d) ? 1 : 0; }

/// PyTorch's promotion of two tensors (torch.promote_types), without its 16-bit integer: u8 with i8 gives i32.
constexpr dtype promote(dtype a, dtype b) {
  if (a == b) return a;
  const dtype low = a < b ? a : b, high = a < b ? b : a;
  if (low == dtype::u8 && high == dtype::i8) return dtype::i32;
  if (low == dtype::f16 && high == dtype::bf16) return dtype::f32;
  return high;
}

/// Where an operation needs a floating type: integers and bool become f32, as in PyTorch.
constexpr dtype to_floating(dtype d) { return is_floating(d) ? d : dtype::f32; }

}  // namespace fuse

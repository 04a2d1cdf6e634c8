// SPDX-License-Identifier: Apache-2.0
/// The element types that a safetensors file can hold.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace llama {

/// `other`: one that is not in the table below. Its bytes can be passed over, not read.
enum class element_type { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean, f8_e4m3, f8_e5m2, other };

/// An element type as files write it, and the bytes of one element.
struct element_type_row {
  element_type type;
  std::string_view name;
  std::size_t size;
};

/// Names as in the `Dtype` enumeration of the safetensors format. Types narrower than a byte (F4, F6_*) are left out.
inline constexpr std::array<element_type_row, 15> element_types{{
    {element_type::f64, "F64", 8},
    {element_type::f32, "F32", 4},
    {element_type::f16, "F16", 2},
    {element_type::bf16, "BF16", 2},
    {element_type::i64, "I64", 8},
    {element_type::i32, "I32", 4},
    {element_type::i16, "I16", 2},
    {element_type::i8, "I8", 1},
    {element_type::u64, "U64", 8},
    {element_type::u32, "U32", 4},
    {element_type::u16, "U16", 2},
    {element_type::u8, "U8", 1},
    {element_type::boolean, "BOOL", 1},
    {element_type::f8_e4m3, "F8_E4M3", 1},
    {element_type::f8_e5m2, "F8_E5M2", 1},
}};

/// Bytes of one element; `other` counts single bytes.
constexpr std::size_t size_of(element_type type) {
  return type == element_type::other ? 1 : element_types[static_cast<std::size_t>(type)].size;
}

constexpr element_type element_type_named(std::string_view name) {
  for (const element_type_row& row : element_types) {
    if (row.name == name) return row.type;
  }
  return element_type::other;
}

}  // namespace llama

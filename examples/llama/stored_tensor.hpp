// SPDX-License-Identifier: Apache-2.0
/// A tensor as a checkpoint stores it: bytes of a mapped file, and what they mean.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "element_type.hpp"
#include "error.hpp"

namespace llama {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and is used in place");

/// `[2, 3]`
inline std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis == 0 ? "" : ", ") + std::to_string(shape[axis]);
  }
  return text + "]";
}

/// IEEE 754 binary16 to binary32; exact.
inline float float_from_f16(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t exponent = (half >> 10) & 31u;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);  // infinity, NaN
  if (exponent == 0) {                                                                   // zero, subnormal
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign == 0 ? magnitude : -magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// bfloat16, the upper half of a binary32, to binary32; exact.
inline float float_from_bf16(std::uint16_t half) { return std::bit_cast<float>(std::uint32_t{half} << 16); }

/// Row-major, little-endian. Always `bytes.size() == element_count() * size_of(type)`, and the product fits. What the
/// bytes of `element_type::other` mean is not known: they are counted, and their shape says nothing of them.
struct stored_tensor {
  std::string name;
  std::string dtype;  ///< the element type as the file names it
  element_type type;
  std::vector<std::int64_t> shape;   ///< outermost extent first; empty for a scalar
  std::span<const std::byte> bytes;  ///< inside the file's mapping, and valid as long as that

  std::int64_t element_count() const { return static_cast<std::int64_t>(bytes.size() / size_of(type)); }

  /// Whether the elements can be read in place. The format does not promise it; writers of today arrange it.
  bool aligned() const { return reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type) == 0; }

  /// The elements in place, for a T of the same size: `std::uint16_t` for F16 and BF16. Throws `error` if the size
  /// differs or the data is not aligned.
  template <class T>
  std::span<const T> elements() const {
    check_size<T>();
    if (!aligned()) {
      throw error(printable(name) + ": expected data aligned to " + std::to_string(size_of(type)) +
                  " bytes, got an unaligned offset; use copied_elements()");
    }
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  /// A copy of the elements, whatever their alignment. Throws `error` if the size of T differs.
  template <class T>
  std::vector<T> copied_elements() const {
    check_size<T>();
    std::vector<T> copy(bytes.size() / sizeof(T));
    if (!copy.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
    return copy;
  }

  /// The values as f32: exact for F32, F16 and BF16, rounded to nearest for F64. Throws `error` for other types.
  std::vector<float> to_float() const {
    switch (type) {
      case element_type::f32:
        return copied_elements<float>();
      case element_type::f64:
        return converted<double>([](double value) { return static_cast<float>(value); });
      case element_type::f16:
        return converted<std::uint16_t>(float_from_f16);
      case element_type::bf16:
        return converted<std::uint16_t>(float_from_bf16);
      default:
        throw error(printable(name) + ": expected F64, F32, F16 or BF16, got " + printable(dtype) +
                    "; export the model with save_pretrained in one of these types");
    }
  }

 private:
  template <class T>
  void check_size() const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (sizeof(T) != size_of(type) || type == element_type::other) {
      throw error(printable(name) + ": expected elements of " + std::to_string(sizeof(T)) + " bytes, got " +
                  printable(dtype) + "; convert the values or read them as the type they have");
    }
  }

  template <class T, class Convert>
  std::vector<float> converted(Convert convert) const {
    std::vector<float> values(bytes.size() / sizeof(T));
    for (std::size_t index = 0; index < values.size(); ++index) {
      T element;
      std::memcpy(&element, bytes.data() + index * sizeof(T), sizeof(T));
      values[index] = convert(element);
    }
    return values;
  }
};

}  // namespace llama

// SPDX-License-Identifier: Apache-2.0
/// The safetensors format: eight bytes of header length, a JSON header, the data of all tensors.
///
/// The file is taken as hostile: every number is checked before it is used, and after a successful read the tensors
/// cover the data exactly, each byte once. Source: the "Format" section of the safetensors README; its reference
/// implementation refuses the same files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "element_type.hpp"
#include "error.hpp"
#include "json.hpp"
#include "mistaken_file.hpp"
#include "stored_tensor.hpp"

namespace llama {

/// What a file holds.
struct safetensors {
  std::map<std::string, stored_tensor, std::less<>> tensors;  ///< by name
  std::map<std::string, std::string> metadata;                ///< the header's `__metadata__`, if any
};

/// The longest header that is read, in bytes; the reference implementation's limit.
inline constexpr std::uint64_t safetensors_header_limit = 100'000'000;

namespace detail {

/// The header of one file and the data after it.
struct safetensors_parts {
  std::string_view header;
  std::span<const std::byte> data;
};

inline safetensors_parts split_safetensors(std::span<const std::byte> file, const std::string& label) {
  refuse_mistaken_file({reinterpret_cast<const char*>(file.data()), file.size()}, label, "a safetensors file");
  constexpr std::size_t length_size = sizeof(std::uint64_t);
  if (file.size() < length_size) {
    throw error(label + ": expected at least 8 bytes, got " + std::to_string(file.size()) +
                "; the file is truncated, download it again");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), length_size);
  if (length > safetensors_header_limit) {
    throw error(label + ": header length: expected at most " + std::to_string(safetensors_header_limit) + ", got " +
                std::to_string(length) + "; this is not a safetensors file");
  }
  const std::span<const std::byte> rest = file.subspan(length_size);
  if (length > rest.size()) {
    throw error(label + ": header length: expected at most " + std::to_string(rest.size()) +
                " (what is left of the file), got " + std::to_string(length) +
                "; the file is truncated, download it again");
  }
  const std::string_view header{reinterpret_cast<const char*>(rest.data()), static_cast<std::size_t>(length)};
  if (!header.starts_with('{')) {
    throw error(label + ": header: expected a JSON object that begins with '{', got " +
                in_quotes(header.substr(0, 16)) + "; this is not a safetensors file");
  }
  return {header, rest.subspan(header.size())};
}

/// Reads one tensor's entry. Errors name the tensor and the field.
class tensor_entry {
 public:
  tensor_entry(const std::string& name, const nlohmann::json& entry, const std::string& label)
      : name_(name), entry_(entry), where_(label + ": tensor " + in_quotes(name) + ": ") {
    if (!entry.is_object()) fail("expected an object with dtype, shape and data_offsets, got " + shown(entry));
  }

  stored_tensor read(std::span<const std::byte> data) const {
    const auto& dtype = field("dtype", false).get_ref<const std::string&>();
    stored_tensor tensor{name_, dtype, element_type_named(dtype), shape(), {}};
    const auto [begin, end] = offsets();
    if (begin > end) {
      fail("data_offsets: expected begin <= end, got [" + std::to_string(begin) + ", " + std::to_string(end) + "]");
    }
    if (static_cast<std::uint64_t>(end) > data.size()) {
      fail("data_offsets: expected an end of at most " + std::to_string(data.size()) + " (the bytes of data), got " +
           std::to_string(end));
    }
    const auto stored = static_cast<std::uint64_t>(end - begin);
    if (tensor.type != element_type::other && stored != byte_count(tensor)) {
      fail("data_offsets: expected " + std::to_string(byte_count(tensor)) + " bytes for " + dtype + " " +
           shape_text(tensor.shape) + ", got " + std::to_string(stored));
    }
    tensor.bytes = data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(stored));
    return tensor;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw error(where_ + what + "; the file is damaged or forged, download it again");
  }

  const nlohmann::json& field(const char* name, bool array) const {
    const auto found = entry_.find(name);
    const std::string expected = std::string(name) + ": expected " + (array ? "an array" : "a string");
    if (found == entry_.end()) fail(expected + ", got nothing");
    if (array ? !found->is_array() : !found->is_string()) fail(expected + ", got " + shown(*found));
    return *found;
  }

  std::vector<std::int64_t> naturals(const char* name) const {
    std::vector<std::int64_t> numbers;
    for (const nlohmann::json& value : field(name, true)) {
      const auto number = natural_number(value);
      if (!number) fail(std::string(name) + ": expected integers from 0 to 2^63-1, got " + shown(value));
      numbers.push_back(*number);
    }
    return numbers;
  }

  std::vector<std::int64_t> shape() const { return naturals("shape"); }

  std::pair<std::int64_t, std::int64_t> offsets() const {
    const std::vector<std::int64_t> numbers = naturals("data_offsets");
    if (numbers.size() != 2) {
      fail("data_offsets: expected two integers, begin and end, got " + std::to_string(numbers.size()));
    }
    return {numbers[0], numbers[1]};
  }

  /// Multiplies in the order of the shape, so that a later zero does not hide an overflow.
  std::uint64_t byte_count(const stored_tensor& tensor) const {
    std::uint64_t size = size_of(tensor.type);
    for (const std::int64_t extent : tensor.shape) {
      if (__builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size))
        fail("shape: expected a size of fewer than 2^64 bytes, got " + tensor.dtype + " " + shape_text(tensor.shape));
    }
    return size;
  }

  const std::string& name_;
  const nlohmann::json& entry_;
  std::string where_;
};

/// Throws unless the tensors cover `data` exactly: a shared byte would alias two weights, a spare one could hide
/// another file.
inline void check_cover(const safetensors& content, std::span<const std::byte> data, const std::string& label) {
  const auto begin = [data](const stored_tensor& tensor) { return tensor.bytes.data() - data.data(); };
  std::vector<const stored_tensor*> order;
  for (const auto& [name, tensor] : content.tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [&](const stored_tensor* left, const stored_tensor* right) {
    return std::pair(begin(*left), left->bytes.size()) < std::pair(begin(*right), right->bytes.size());
  });

  const auto fail = [&label](const std::string& what) {
    throw error(label + ": " + what + "; the file is damaged or forged, download it again");
  };
  std::ptrdiff_t covered = 0;
  const stored_tensor* last = nullptr;
  for (const stored_tensor* const tensor : order) {
    if (begin(*tensor) < covered) {
      fail("expected tensors that do not overlap, got " + in_quotes(last->name) + " and " + in_quotes(tensor->name) +
           " both at data offset " + std::to_string(begin(*tensor)));
    }
    if (begin(*tensor) > covered) {
      fail("expected data without holes, got bytes " + std::to_string(covered) + " to " +
           std::to_string(begin(*tensor)) + " before tensor " + in_quotes(tensor->name) + " in no tensor");
    }
    covered += static_cast<std::ptrdiff_t>(tensor->bytes.size());
    last = tensor;
  }
  if (static_cast<std::size_t>(covered) != data.size()) {
    fail("expected the tensors to end where the file ends, got " +
         std::to_string(data.size() - static_cast<std::size_t>(covered)) + " trailing bytes in no tensor");
  }
}

}  // namespace detail

/// Reads a file's header; the tensors are views into `file`. `label` names the file in errors.
/// Throws `error` for everything the format forbids. A tensor of a `dtype` that `element_types` does not list is an
/// error only when it is used. Fields that the format does not know are ignored, as the reference implementation does.
inline safetensors read_safetensors(std::span<const std::byte> file, const std::string& label) {
  const auto [header_text, data] = detail::split_safetensors(file, label);
  const nlohmann::json header = parse_json(header_text, label + ": header");

  safetensors content;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      const json_fields fields(entry, label, "__metadata__.");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) {
          throw error(label + ": __metadata__: expected a string for " + in_quotes(key) + ", got " + shown(value) +
                      "; write the file again with strings only");
        }
        content.metadata.emplace(key, value.get<std::string>());
      }
    } else {
      content.tensors.emplace(name, detail::tensor_entry(name, entry, label).read(data));
    }
  }
  detail::check_cover(content, data, label);
  return content;
}

}  // namespace llama

// SPDX-License-Identifier: Apache-2.0
/// NumPy's .npy files of f32: written for logits, read to compare with another implementation.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "error.hpp"
#include "mapped_file.hpp"

namespace llama {

static_assert(std::endian::native == std::endian::little, "'<f4' is written and read in place");

/// An array in row-major order.
struct npy_array {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// Throws `error` if `path` is a file with other contents than .npy: what it holds is not ours to destroy, and if it is
/// a checkpoint that is mapped, the next read of a weight would end the program.
inline void check_npy_target(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored) || std::filesystem::file_size(path, ignored) == 0) return;
  std::string magic(6, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw error(printable(path.string()) +
                ": expected a new file, or an .npy file to write over, got a file that cannot be read; check its "
                "permissions, or choose another name");
  file.read(magic.data(), static_cast<std::streamsize>(magic.size()));
  if (magic != "\x93NUMPY")
    throw error(
        printable(path.string()) +
        ": expected a new file, or an .npy file to write over, got a file of something else; choose another name");
}

/// Writes `values` as a [rows, columns] array, format version 1.0. Throws `error` if the count is not rows x columns,
/// the file cannot be written, or check_npy_target() refuses it. Source: NumPy's `numpy.lib.format` (magic, version,
/// header padded to 64 bytes).
inline void write_npy(const std::filesystem::path& path, std::span<const float> values, std::int64_t rows,
                      std::int64_t columns) {
  if (rows < 0 || columns < 0 ||
      static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(columns) != values.size()) {
    throw error(printable(path.string()) + ": expected " + std::to_string(rows) + " x " + std::to_string(columns) +
                " values, got " + std::to_string(values.size()) + "; pass the array's own shape");
  }
  check_npy_target(path);
  std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                           std::to_string(columns) + "), }";
  constexpr std::size_t preamble = 10;  // magic, version, header length
  dictionary.append(63 - (preamble + dictionary.size()) % 64, ' ');
  dictionary += '\n';
  const auto length = static_cast<std::uint16_t>(dictionary.size());

  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write("\x93NUMPY\x01\x00", 8);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << dictionary;
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
  file.close();
  if (!file) {
    throw error(printable(path.string()) +
                ": expected a file that can be written, got an error; check the path, its "
                "permissions and the free space");
  }
}

/// Reads an array of f32 of any rank, C order, format version 1 to 3. Throws `error` for anything else.
inline npy_array read_npy(const std::filesystem::path& path) {
  const mapped_file file(path);
  const std::string_view text = file.text();
  const auto fail = [&path](const std::string& expected, std::string_view got) {
    throw error(printable(path.string()) + ": expected " + expected + ", got " + in_quotes(got) +
                "; save the array with numpy.save(path, array.astype('<f4'))");
  };
  if (!text.starts_with("\x93NUMPY") || text.size() < 12) fail("an .npy file", text.substr(0, 12));
  const int version = text[6];
  if (version < 1 || version > 3) fail("format version 1 to 3", text.substr(6, 2));
  const std::size_t length_size = version == 1 ? 2 : 4;
  std::uint32_t length = 0;
  std::memcpy(&length, text.data() + 8, length_size);
  if (length > text.size() - 8 - length_size) fail("a whole header", "a truncated file");
  const std::string_view header = text.substr(8 + length_size, length);
  const std::string_view data = text.substr(8 + length_size + length);

  // The header is a Python dictionary literal whose three keys numpy writes in this form.
  const auto after = [&](std::string_view key) {
    const std::size_t place = header.find(key);
    if (place == header.npos) fail("a header with " + std::string(key), header);
    const std::string_view rest = header.substr(place + key.size());
    return rest.substr(std::min(rest.find_first_not_of(": "), rest.size()));
  };
  if (!after("'descr'").starts_with("'<f4'")) fail("dtype '<f4'", after("'descr'").substr(0, 8));
  if (!after("'fortran_order'").starts_with("False")) fail("C order", "Fortran order");

  npy_array array;
  std::string_view rest = after("'shape'");
  if (!rest.starts_with('(')) fail("a shape", rest);
  rest.remove_prefix(1);
  std::uint64_t count = 1;
  while (!rest.starts_with(')')) {
    std::int64_t extent = 0;
    const auto [end, status] = std::from_chars(rest.data(), rest.data() + rest.size(), extent);
    if (status != std::errc{} || extent < 0) fail("a shape of integers", rest);
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(extent), &count)) fail("a possible shape", header);
    array.shape.push_back(extent);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    rest.remove_prefix(std::min(rest.find_first_not_of(", "), rest.size()));
  }
  if (data.size() % sizeof(float) != 0 || data.size() / sizeof(float) != count) {
    fail(std::to_string(count) + " values", std::to_string(data.size()) + " bytes");
  }
  array.values.resize(static_cast<std::size_t>(count));
  if (count > 0) std::memcpy(array.values.data(), data.data(), data.size());
  return array;
}

}  // namespace llama

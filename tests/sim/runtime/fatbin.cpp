// SPDX-License-Identifier: Apache-2.0
#include "fatbin.hpp"

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>

#include "lz4.hpp"

namespace sim::runtime {
namespace {

// fatbinary_section.h: FATBINC_MAGIC and the struct that follows.
struct fat_wrapper {
  std::uint32_t magic, version;
  const void* data;
  const void* filename_or_fatbins;
};
constexpr std::uint32_t wrapper_magic = 0x466243b1;
constexpr std::uint32_t binary_magic = 0xba55ed50;

struct binary_header {
  std::uint32_t magic;
  std::uint16_t version, header_bytes;
  std::uint64_t payload_bytes;
};
static_assert(sizeof(binary_header) == 16);

// Every entry begins with these 64 bytes; header_bytes may be larger (it then holds the decoded size and names).
struct entry_header {
  std::uint16_t kind, version;
  std::uint32_t header_bytes;
  std::uint64_t stored_bytes;
  std::uint32_t compressed_bytes, options_offset;
  std::uint16_t minor, major;
  std::uint32_t architecture;
  std::uint32_t name_offset, name_bytes;
  std::uint64_t flags;
  std::uint64_t zero;
  std::uint64_t decoded_bytes;
};
static_assert(sizeof(entry_header) == 64);
constexpr std::uint16_t kind_ptx = 1, kind_cubin = 2;
constexpr std::uint64_t flag_lz4 = 0x2000, flag_zstd = 0x8000;

template <class T>
T read(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

std::vector<fat_image> read_fat_binary(const void* wrapper) {
  const auto outer = read<fat_wrapper>(static_cast<const std::byte*>(wrapper));
  if (outer.magic != wrapper_magic)
    throw std::runtime_error(
        "sim::fatbin: expected a fat binary wrapper (magic 0x466243b1); build the program with nvcc");
  return read_fat_images(outer.data);
}

std::vector<fat_image> read_fat_images(const void* fat_binary) {
  const auto* base = static_cast<const std::byte*>(fat_binary);
  const auto header = read<binary_header>(base);
  if (header.magic != binary_magic) throw std::runtime_error("sim::fatbin: expected a fat binary (magic 0xba55ed50)");
  std::vector<fat_image> images;
  const std::byte* const end = base + header.header_bytes + header.payload_bytes;
  for (const std::byte* at = base + header.header_bytes; at + sizeof(entry_header) <= end;) {
    const auto entry = read<entry_header>(at);
    const std::byte* const payload = at + entry.header_bytes;
    at = payload + entry.stored_bytes;
    if (entry.header_bytes < sizeof entry || at > end)
      throw std::runtime_error("sim::fatbin: damaged fat binary entry");
    if (entry.kind != kind_ptx && entry.kind != kind_cubin) continue;
    if (entry.flags & flag_zstd)
      throw std::runtime_error(
          "sim::fatbin: the fat binary is compressed with zstd, which the simulator does not decode; "
          "compile with nvcc --compress-mode=speed or --no-compress");
    fat_image image{entry.kind == kind_ptx ? fat_image::kind::ptx : fat_image::kind::cubin,
                    static_cast<int>(entry.architecture),
                    {}};
    if (entry.flags & flag_lz4)
      image.data = decode_lz4(std::span(payload, entry.compressed_bytes), entry.decoded_bytes);
    else
      image.data.assign(payload, payload + entry.stored_bytes);
    images.push_back(std::move(image));
  }
  return images;
}

std::string ptx_text(const fat_image& image) {
  std::string text(reinterpret_cast<const char*>(image.data.data()), image.data.size());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  return text;
}

}  // namespace sim::runtime

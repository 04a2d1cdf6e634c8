// SPDX-License-Identifier: Apache-2.0
// The readers of fat binaries, LZ4 blocks and cubins, on bytes made here.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "../runtime/cubin.hpp"
#include "../runtime/fatbin.hpp"
#include "../runtime/lz4.hpp"

namespace {

using sim::runtime::decode_lz4;
using sim::runtime::read_cubin;
using sim::runtime::read_fat_binary;
using sim::runtime::read_fat_images;

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

std::string decoded(const std::string& block, std::size_t size) {
  const auto result = decode_lz4(bytes_of(block), size);
  return {reinterpret_cast<const char*>(result.data()), result.size()};
}

template <class T>
void append(std::vector<std::byte>& to, T value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  to.insert(to.end(), begin, begin + sizeof value);
}

// A fat binary of one PTX entry.
std::vector<std::byte> fat_binary(const std::string& payload, std::uint64_t flags, std::uint64_t decoded_bytes,
                                  std::uint32_t magic = 0xba55ed50) {
  std::vector<std::byte> made;
  append<std::uint32_t>(made, magic);
  append<std::uint16_t>(made, 1);
  append<std::uint16_t>(made, 16);
  append<std::uint64_t>(made, 64 + payload.size());
  append<std::uint16_t>(made, 1);  // PTX
  append<std::uint16_t>(made, 0x101);
  append<std::uint32_t>(made, 64);
  append<std::uint64_t>(made, payload.size());
  append<std::uint32_t>(made, static_cast<std::uint32_t>(payload.size()));
  append<std::uint32_t>(made, 0);
  append<std::uint16_t>(made, 0);
  append<std::uint16_t>(made, 9);
  append<std::uint32_t>(made, 90);
  append<std::uint64_t>(made, 0);
  append<std::uint64_t>(made, flags);
  append<std::uint64_t>(made, 0);
  append<std::uint64_t>(made, decoded_bytes);
  const auto data = bytes_of(payload);
  made.insert(made.end(), data.begin(), data.end());
  return made;
}

}  // namespace

TEST_CASE("LZ4: literals, matches that overlap themselves, long lengths") {
  CHECK(decoded(std::string("\x30", 1) + "abc", 3) == "abc");
  // "ab", then six bytes from two back, then the last literals.
  CHECK(decoded(std::string("\x22"
                            "ab"
                            "\x02\x00"
                            "\x10"
                            "!",
                            7),
                9) == "abababab!");
  // 15 + 255 + 2 literals.
  const std::string many(272, 'x');
  CHECK(decoded(std::string("\xf0\xff\x02", 3) + many, 272) == many);
  // One literal, then a match of 15 + 4 + 10 bytes from one back.
  CHECK(decoded(std::string("\x1f"
                            "z"
                            "\x01\x00\x0a"
                            "\x00",
                            6),
                30) == std::string(30, 'z'));
}

TEST_CASE("LZ4: a damaged block is an error, never a bad access") {
  CHECK_THROWS_AS(decoded("", 1), std::runtime_error);
  CHECK_THROWS_AS(decoded("\x50"
                          "abc",
                          5),
                  std::runtime_error);  // literals cut off
  CHECK_THROWS_AS(decoded(std::string("\x14"
                                      "a"
                                      "\x05\x00",
                                      4),
                          9),
                  std::runtime_error);  // before the beginning
  CHECK_THROWS_AS(decoded(std::string("\x14"
                                      "a"
                                      "\x00\x00",
                                      4),
                          9),
                  std::runtime_error);  // offset 0
  CHECK_THROWS_AS(decoded(std::string("\x1f"
                                      "a"
                                      "\x01\x00\xff\xff",
                                      6),
                          30),
                  std::runtime_error);
  CHECK_THROWS_AS(decoded("\x30"
                          "abc",
                          2),
                  std::runtime_error);  // more than was announced
}

TEST_CASE("fat binaries: plain and LZ4 entries are read, others refused with the remedy") {
  const std::string ptx = ".version 9.0\n.target sm_90\n";
  auto images = read_fat_images(fat_binary(ptx + std::string(3, '\0'), 0x11, 0).data());
  REQUIRE(images.size() == 1);
  CHECK(images[0].architecture == 90);
  CHECK(images[0].what == sim::runtime::fat_image::kind::ptx);
  CHECK(sim::runtime::ptx_text(images[0]) == ptx);
  images = read_fat_images(fat_binary(std::string("\x1f"
                                                  "z"
                                                  "\x01\x00\x0a"
                                                  "\x00",
                                                  6),
                                      0x2011, 30)
                               .data());
  CHECK(sim::runtime::ptx_text(images.at(0)) == std::string(30, 'z'));
  std::string message;
  try {
    read_fat_images(fat_binary(ptx, 0x8011, 100).data());
  } catch (const std::runtime_error& refused) {
    message = refused.what();
  }
  CHECK(message.find("zstd") != std::string::npos);
  CHECK(message.find("--compress-mode=speed") != std::string::npos);
  CHECK_THROWS_AS(read_fat_images(fat_binary(ptx, 0x11, 0, 0x12345678).data()), std::runtime_error);
  CHECK_THROWS_AS(read_fat_binary(fat_binary(ptx, 0x11, 0).data()), std::runtime_error);
}

TEST_CASE("cubins: what is no ELF file is refused") {
  CHECK_THROWS_AS(read_cubin(bytes_of("not an ELF file")), std::runtime_error);
  CHECK_THROWS_AS(read_cubin(std::vector<std::byte>(64)), std::runtime_error);
}

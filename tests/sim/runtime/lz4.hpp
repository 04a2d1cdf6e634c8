// SPDX-License-Identifier: Apache-2.0
// The LZ4 block format (no frame): what `nvcc --compress-mode=speed` stores in a fat binary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

namespace sim::runtime {

// Decodes one LZ4 block. @post result.size() == decoded_bytes, or throws std::runtime_error on a damaged block.
// Source: the LZ4 block format description. A sequence is token, literals, 16-bit offset, match; the last has no match.
inline std::vector<std::byte> decode_lz4(std::span<const std::byte> block, std::size_t decoded_bytes) {
  std::vector<std::byte> decoded;
  decoded.reserve(decoded_bytes);
  std::size_t at = 0;
  const auto damaged = [] { throw std::runtime_error("sim::fatbin: damaged LZ4 block in the program's fat binary"); };
  const auto byte = [&]() -> unsigned {
    if (at >= block.size()) damaged();
    return std::to_integer<unsigned>(block[at++]);
  };
  const auto length = [&](unsigned nibble) {
    std::size_t total = nibble;
    if (nibble == 15)
      for (unsigned more = 255; more == 255;) total += more = byte();
    return total;
  };
  while (at < block.size() && decoded.size() < decoded_bytes) {
    const unsigned token = byte();
    const std::size_t literals = length(token >> 4);
    if (literals > block.size() - at || literals > decoded_bytes - decoded.size()) damaged();
    decoded.insert(decoded.end(), block.begin() + static_cast<std::ptrdiff_t>(at),
                   block.begin() + static_cast<std::ptrdiff_t>(at + literals));
    at += literals;
    if (decoded.size() == decoded_bytes) break;
    const std::size_t low = byte(), offset = low | byte() << 8;
    const std::size_t match = length(token & 15) + 4;
    if (offset == 0 || offset > decoded.size() || match > decoded_bytes - decoded.size()) damaged();
    // A match may overlap its own output, so it is copied byte by byte.
    for (std::size_t i = 0; i < match; ++i) decoded.push_back(decoded[decoded.size() - offset]);
  }
  if (decoded.size() != decoded_bytes) damaged();
  return decoded;
}

}  // namespace sim::runtime

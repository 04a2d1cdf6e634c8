// SPDX-License-Identifier: Apache-2.0
// Runs of bits in a bitmap of one bit a byte of memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sim {

/// Calls f(word index, mask) for each 64-bit word that bits [first, first + count) touch, until f returns false.
template <class F>
inline bool each_word(std::uint64_t first, std::uint64_t count, F&& f) {
  while (count != 0) {
    const std::uint64_t shift = first & 63, take = std::min<std::uint64_t>(count, 64 - shift);
    const std::uint64_t mask = (take == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << take) - 1) << shift;
    if (!f(std::size_t(first >> 6), mask)) return false;
    first += take;
    count -= take;
  }
  return true;
}

inline void set_bits(std::uint64_t* words, std::uint64_t first, std::uint64_t count) {
  each_word(first, count, [&](std::size_t w, std::uint64_t mask) { return words[w] |= mask, true; });
}

inline void clear_bits(std::uint64_t* words, std::uint64_t first, std::uint64_t count) {
  each_word(first, count, [&](std::size_t w, std::uint64_t mask) { return words[w] &= ~mask, true; });
}

/// For bitmaps that several threads write. Leaves words alone that already hold the bits: the common case is a read.
inline void set_bits_shared(std::uint64_t* words, std::uint64_t first, std::uint64_t count) {
  each_word(first, count, [&](std::size_t w, std::uint64_t mask) {
    if ((__atomic_load_n(words + w, __ATOMIC_RELAXED) & mask) != mask)
      __atomic_fetch_or(words + w, mask, __ATOMIC_RELAXED);
    return true;
  });
}

inline bool all_bits(const std::uint64_t* words, std::uint64_t first, std::uint64_t count) {
  return each_word(first, count, [&](std::size_t w, std::uint64_t mask) {
    return (__atomic_load_n(words + w, __ATOMIC_RELAXED) & mask) == mask;
  });
}

/// The bits [first, first + count) when they lie in one word: count at most 32 and first a multiple of it.
inline std::uint64_t aligned_mask(std::uint64_t first, unsigned count) {
  return ((std::uint64_t{1} << count) - 1) << (first & 63);
}

inline bool any_bits(const std::uint64_t* words, std::uint64_t first, std::uint64_t count) {
  return !each_word(first, count, [&](std::size_t w, std::uint64_t mask) { return (words[w] & mask) == 0; });
}

}  // namespace sim

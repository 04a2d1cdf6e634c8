// SPDX-License-Identifier: Apache-2.0
#include "traffic.hpp"

#include <algorithm>

namespace sim::ptx {
namespace {
using u32 = std::uint32_t;
using u64 = std::uint64_t;
}  // namespace

shape shape_of(const u64* address, u32 mask, unsigned width) {
  const u64 first = address[std::countr_zero(mask)];
  if (mask == all_lanes) {
    u64 difference = 0;
    for (unsigned l = 0; l < lanes; ++l) difference |= address[l] ^ (first + u64{l} * width);
    if (difference == 0) return shape::contiguous;
  }
  for (u32 m = mask; m != 0; m &= m - 1)
    if (address[std::countr_zero(m)] != first) return shape::scattered;
  return shape::uniform;
}

void count_traffic(global_traffic& t, const u64* address, u32 mask, unsigned width, shape how) {
  ++t.requests;
  t.requested_bytes += u64(std::popcount(mask)) * width;
  if (how == shape::contiguous) {
    const u64 first = address[0], end = first + u64{lanes} * width;
    t.sectors += (end - 1) / 32 - first / 32 + 1;
    t.useful_bytes += end - first;
  } else if (how == shape::uniform) {
    ++t.sectors;
    t.useful_bytes += width;
  } else {
    u64 sorted[lanes];
    unsigned count = 0;
    bool ordered = true;
    each_lane(mask, [&](unsigned l) {
      ordered = ordered && (count == 0 || sorted[count - 1] <= address[l]);
      sorted[count++] = address[l];
    });
    if (!ordered) std::sort(sorted, sorted + count);
    u64 sector = ~u64{0}, byte_end = 0;
    for (unsigned k = 0; k < count; ++k) {
      if (sorted[k] / 32 != sector) sector = sorted[k] / 32, ++t.sectors;
      if (sorted[k] >= byte_end) t.useful_bytes += width, byte_end = sorted[k] + width;
    }
  }
}

// 8-byte accesses go in two halves of a warp, 16-byte ones in four quarters; a wavefront serves 32 banks of 4 bytes.
u64 extra_wavefronts(const u64* address, u32 mask, unsigned width) {
  const unsigned together = width <= 4 ? 32 : width == 8 ? 16 : 8, words_each = std::max(1u, width / 4);
  u64 extra = 0;
  for (unsigned first = 0; first < lanes; first += together) {
    const u32 part = mask & (together == 32 ? all_lanes : ((u32{1} << together) - 1) << first);
    // The first word seen in each bank; a bank that is asked for another one as well needs the exact count.
    u64 seen[32];
    u32 used = 0;
    bool conflict = false;
    each_lane(part, [&](unsigned l) {
      for (unsigned k = 0; k < words_each; ++k) {
        const u64 word = address[l] / 4 + k;
        const unsigned bank = unsigned(word % 32);
        conflict = conflict || ((used >> bank & 1) != 0 && seen[bank] != word);
        if ((used >> bank & 1) == 0) seen[bank] = word, used |= u32{1} << bank;
      }
    });
    if (!conflict) continue;
    u64 words[lanes * 4];
    unsigned count = 0;
    each_lane(part, [&](unsigned l) {
      for (unsigned k = 0; k < words_each; ++k) words[count++] = address[l] / 4 + k;
    });
    std::sort(words, words + count);
    count = unsigned(std::unique(words, words + count) - words);
    unsigned banks[32] = {}, most = 0;
    for (unsigned k = 0; k < count; ++k) most = std::max(most, ++banks[words[k] % 32]);
    extra += most - 1;
  }
  return extra;
}

}  // namespace sim::ptx

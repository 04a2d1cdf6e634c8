// SPDX-License-Identifier: Apache-2.0
// One memory request of a warp: from addresses to host pointers, with every check and counter on the way. All
// instructions that touch memory go through resolve.
#pragma once

#include "state.hpp"

namespace sim::ptx {

enum class intent : unsigned char { load, store, atomic };

/// What of a request enters the counters: all of it; the bytes it touched alone, for a piece of an instruction that
/// counts itself as a whole; nothing, for what the machine reads itself.
enum class accounting : unsigned char { full, bytes, none };

struct request {
  std::uint32_t mask = 0;
  unsigned width = 0;  ///< bytes a lane, a power of two
  intent what = intent::load;
  space where = space::generic;
  bool synchronising = false;  ///< volatile, relaxed, acquire, release, atomic
  bool within_block = false;   ///< of .cta scope: synchronises nothing between blocks
  bool acquires = false;       ///< has acquire semantics of its own: no fence is needed after it
  bool releases = false;       ///< has release semantics of its own: no fence is needed before it
  accounting counted = accounting::full;
};

struct resolved {
  std::uint32_t mask = 0;   ///< lanes that may access; the others were at fault
  bool contiguous = false;  ///< all 32 lanes, one after the other
  alignas(64) std::byte* at[lanes];
};

/// `address` is relative to `where`; of generic addresses the window is taken off in place.
void resolve(warp& w, const instruction& i, const request& r, std::uint64_t* address, resolved& out);

/// The addresses of an instruction: base (i.a, of small[4] bytes a slot; 0: none) + i.offset.
inline void addresses(warp& w, const instruction& i, std::uint64_t* out) {
  const auto offset = std::uint64_t(i.offset);
  if (i.small[4] == 8) {
    const auto* base = w.at<std::uint64_t>(i.a);
    for (unsigned l = 0; l < lanes; ++l) out[l] = base[l] + offset;
  } else if (i.small[4] == 4) {
    const auto* base = w.at<std::uint32_t>(i.a);
    for (unsigned l = 0; l < lanes; ++l) out[l] = base[l] + offset;
  } else {
    for (unsigned l = 0; l < lanes; ++l) out[l] = offset;
  }
}

}  // namespace sim::ptx

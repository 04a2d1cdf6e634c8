// SPDX-License-Identifier: Apache-2.0
// The modifiers that loads, stores and atomics share.
#pragma once

#include "decode.hpp"

namespace sim::ptx {

space take_space(line& l);  ///< generic where none is named

struct ordering {
  bool synchronising = false, within_block = false, acquires = false, releases = false;
  std::uint8_t bits() const {
    return std::uint8_t((synchronising ? 1 : 0) | (releases ? 2 : 0) | (acquires ? 4 : 0) | (within_block ? 8 : 0));
  }
};

ordering take_ordering(line& l);
void take_cache_hints(line& l);

}  // namespace sim::ptx

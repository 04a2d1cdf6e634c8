// SPDX-License-Identifier: Apache-2.0
// The modifiers that loads, stores and atomics share.
#pragma once

#include "decode.hpp"

namespace sim::ptx {

space take_space(line& l);  ///< generic where none is named

struct ordering {
  bool synchronising = false, releases = false;
};
ordering take_ordering(line& l);
void take_cache_hints(line& l);

}  // namespace sim::ptx

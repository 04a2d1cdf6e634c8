// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "decode.hpp"

namespace sim::ptx {

/// add, sub and mad with .cc. @returns whether the line was one.
bool decode_with_carry(decoder& d, line& l);

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
// The start of every instruction that a set of lanes executes together.
#pragma once

#include <bit>
#include <cstdint>

#include "state.hpp"

namespace sim::ptx {

/// Brings the lanes together that `members` (an array of masks) names. @returns the lanes that now execute, 0 when the
/// handler must return flow::stop. Lanes of the running group that name other members execute the instruction by
/// themselves later.
std::uint32_t together(warp& w, const instruction& i, std::uint32_t mask, operand members);

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "decode.hpp"
#include "half_math.hpp"

namespace sim::ptx {

// What a line asks for. Kept in instruction::small: [0] source type, [1] result type, [2] mode, [3] flags.
constexpr unsigned flush_bit = 1, saturate_bit = 2, relu_bit = 4, finite_bit = 8, integral_bit = 16;

/// One value of type `from` in a slot's bits, converted to `to`: exact until the one rounding.
std::uint64_t convert_one(std::uint64_t bits, type from, type to, tie mode, unsigned flags);

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
// Sectors and bank conflicts of one request.
#pragma once

#include <bit>
#include <cstdint>

#include "instruction.hpp"

namespace sim::ptx {

/// How the active lanes' addresses lie to each other.
enum class shape { contiguous, uniform, scattered };
shape shape_of(const std::uint64_t* address, std::uint32_t mask, unsigned width);

void count_traffic(global_traffic& t, const std::uint64_t* address, std::uint32_t mask, unsigned width, shape how);

/// Wavefronts of a shared request above the least possible.
std::uint64_t extra_wavefronts(const std::uint64_t* address, std::uint32_t mask, unsigned width);

/// f(lane) for each set bit, from the lowest.
template <class F>
void each_lane(std::uint32_t mask, F&& f) {
  for (std::uint32_t m = mask; m != 0; m &= m - 1) f(unsigned(std::countr_zero(m)));
}

}  // namespace sim::ptx

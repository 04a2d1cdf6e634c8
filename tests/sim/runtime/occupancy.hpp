// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "program.hpp"

namespace sim::runtime {

// Blocks of a kernel that fit on one multiprocessor of the named device. Throws a refusal (invalid value) for a block
// size that is not positive or above the device's limit.
int blocks_per_multiprocessor(const kernel_state& kernel, int threads, std::size_t dynamic_shared_bytes);

// The most dynamic shared memory that a launch of this kernel may ask for now.
std::size_t max_dynamic_shared(const kernel_state& kernel);

// How many registers a warp's allocation is rounded to, and so whether a block fits at all.
bool registers_fit(const kernel_state& kernel, std::size_t threads);

}  // namespace sim::runtime

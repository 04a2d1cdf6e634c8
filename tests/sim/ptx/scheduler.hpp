// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>

#include "state.hpp"

namespace sim::ptx {

std::unique_ptr<block_state> make_block(worker& work);
void begin_block(block_state& block, std::uint64_t linear, launch_state& launch);

/// Takes blocks from `next` and runs each to its end; several workers may share one `next`.
void run_independent(worker& work, std::atomic<std::uint64_t>& next);
/// Runs all blocks of the launch, which may wait for each other.
void run_communicating(worker& work);

}  // namespace sim::ptx

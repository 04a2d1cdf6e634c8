// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "work.hpp"

namespace sim::runtime {

// A launch as work, its parameters copied out of `arguments`. Throws the refusal that a device would give: a bad grid
// or block, too much shared memory, too many registers, null arguments.
kernel_work make_launch(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes);
void apply_attribute(kernel_work& launch, const cudaLaunchAttribute& attribute);
void check_launch(const kernel_work& launch);

}  // namespace sim::runtime

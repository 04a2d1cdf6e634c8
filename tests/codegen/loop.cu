// SPDX-License-Identifier: Apache-2.0
// What captured calls launch beside their own kernels: the condition of a loop, and copies of memory.
#include <fuse/runtime/graphed.hpp>
#include <fuse/runtime/loop.hpp>

#include "call.cuh"

const void* call() {
  static const void* const kernels[] = {reinterpret_cast<const void*>(&fx::runtime::set_condition<std::uint8_t>),
                                        reinterpret_cast<const void*>(&fx::runtime::copy_kernel<int4>)};
  return kernels;
}

// ENTRY-COUNT-2: .visible .entry
// ENTRY-NOT: .entry
// LOCAL-NOT: .local
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// USAGE: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads

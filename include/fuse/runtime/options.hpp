// SPDX-License-Identifier: Apache-2.0
// What a graphed function may be told, and what it counts.
#pragma once
#include <functional>
#include <fuse/exec/mode.hpp>
#include <fuse/runtime/buckets.hpp>

namespace fuse {

struct graph_options {
  mode how = mode::graphed;      // eager and fused run the function itself; FUSE_ENFORCE_EAGER=1 has it so everywhere
  std::size_t capacity = 64;     // graphs kept; the least recently used one makes room
  std::size_t memory_limit = 0;  // bytes that graphs may own; 0: what the device has
  bool fall_back = false;        // run the function itself where it cannot be captured, or was not warmed up
  buckets padding{};             // of arguments marked with fuse::padded
#if defined(NDEBUG)
  bool check_memory = false;    // ask the driver at every call whether the arguments are still memory
  bool check_captures = false;  // run the function again at replay 1, 2, 4, 8, … of a graph: does it issue the same?
#else
  bool check_memory = true;
  bool check_captures = true;
#endif
  std::function<void(const text&)> log{};  // is told of memory, fallbacks, and graphs that cannot be rebound
  const char* name = "fuse::graphed";      // of its replays in profilers
};

struct graph_counts {
  std::int64_t captures = 0;   // graphs made
  std::int64_t replays = 0;    // graphs launched
  std::int64_t rebinds = 0;    // arguments that had another address or value than in the call before
  std::int64_t updates = 0;    // calls to the driver that rebinding needed
  std::int64_t evictions = 0;  // graphs that made room
  std::int64_t fallbacks = 0;  // calls that ran the function itself although graphs were asked for
  std::int64_t pinned = 0;     // graphs that serve only the addresses they were captured with
  std::int64_t nested = 0;     // graphs that became part of others
  index bytes = 0;             // of memory that graphs own now
};

}  // namespace fuse

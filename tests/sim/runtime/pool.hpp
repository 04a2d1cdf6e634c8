// SPDX-License-Identifier: Apache-2.0
// Memory pools: the attributes and the accounting of stream-ordered allocation. Addresses come from the device memory.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace sim::runtime {

struct pool_state {
  cudaMemPoolProps properties{};
  std::uint64_t release_threshold = 0;
  int reuse_follow_event_dependencies = 1, reuse_allow_opportunistic = 1, reuse_allow_internal_dependencies = 1;
  std::uint64_t used = 0, used_high = 0;
  std::uint64_t reserved = 0, reserved_high = 0;  // what is used, and what the pool holds on to
  bool is_default = false;
  bool destroyed = false;  // it lives until the last of its allocations is freed

  void take(std::int64_t bytes) {
    used += static_cast<std::uint64_t>(bytes);
    used_high = std::max(used_high, used);
    reserved = std::max(reserved, used);
    reserved_high = std::max(reserved_high, reserved);
  }
  // Holds at most so many bytes, and what is used; returns how many that released.
  std::uint64_t trim(std::uint64_t most) {
    const std::uint64_t before = reserved;
    reserved = std::min(reserved, std::max(used, most));
    return before - reserved;
  }
};

class pool_registry {
 public:
  pool_registry() { default_.is_default = true; }
  // Throws a refusal (invalid value) for an unknown handle.
  pool_state& of(cudaMemPool_t handle);
  cudaMemPool_t default_pool() { return reinterpret_cast<cudaMemPool_t>(&default_); }
  cudaMemPool_t current() { return current_ != nullptr ? current_ : default_pool(); }
  void set_current(cudaMemPool_t handle) { current_ = handle; }
  cudaMemPool_t create(const cudaMemPoolProps& properties);
  void destroy(cudaMemPool_t handle);
  // That the program has created and not destroyed.
  std::size_t created() const;
  // What every synchronisation does: a pool gives back what it holds beyond its threshold.
  void release();
  std::uint64_t released() const { return released_; }

 private:
  pool_state default_;
  cudaMemPool_t current_ = nullptr;
  std::uint64_t released_ = 0;
  std::map<cudaMemPool_t, std::unique_ptr<pool_state>> pools_;
};

}  // namespace sim::runtime

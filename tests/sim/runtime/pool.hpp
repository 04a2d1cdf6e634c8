// SPDX-License-Identifier: Apache-2.0
// Memory pools: the attributes and the accounting of stream-ordered allocation. Addresses come from the device memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace sim::runtime {

struct pool_state {
  cudaMemPoolProps properties{};
  std::uint64_t release_threshold = 0;
  int reuse_follow_event_dependencies = 1, reuse_allow_opportunistic = 1, reuse_allow_internal_dependencies = 1;
  std::uint64_t used = 0, used_high = 0, reserved_high = 0;
  bool is_default = false;
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
  std::size_t created() const { return pools_.size(); }

 private:
  pool_state default_;
  cudaMemPool_t current_ = nullptr;
  std::map<cudaMemPool_t, std::unique_ptr<pool_state>> pools_;
};

}  // namespace sim::runtime

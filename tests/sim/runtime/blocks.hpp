// SPDX-License-Identifier: Apache-2.0
// Every allocation that the program made through the runtime, alive or freed, so that a wrong pointer gets an answer.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

namespace sim::runtime {

struct pool_state;

enum class block_kind { device, pool, graph, managed, pinned, registered };

struct block {
  std::uint64_t address = 0;
  std::size_t bytes = 0;
  block_kind kind = block_kind::device;
  std::string origin;          // the call that made it
  unsigned flags = 0;          // cudaHostAlloc, cudaHostRegister or cudaMallocManaged flags
  pool_state* pool = nullptr;  // block_kind::pool
  bool free_queued = false;    // cudaFreeAsync was called, and its turn in the stream may not have come
  bool on_host() const {
    return kind == block_kind::managed || kind == block_kind::pinned || kind == block_kind::registered;
  }
};

class block_registry {
 public:
  void add(block added) { live_[added.address] = std::move(added); }
  // The live block that starts at, or holds, an address; null where there is none.
  block* at(std::uint64_t address);
  block* holding(std::uint64_t address);
  void remove(std::uint64_t address, const char* by);
  // "inside the 400 bytes of cudaMalloc at 0x..., freed by cudaFree", or "in no allocation".
  std::string tell(std::uint64_t address) const;
  const std::map<std::uint64_t, block>& live() const { return live_; }

 private:
  struct tombstone {
    block was;
    std::string freed_by;
  };
  std::map<std::uint64_t, block> live_;
  std::deque<tombstone> freed_;  // the last ones
};

enum class place { pageable, pinned, managed, device };

// Where `bytes` bytes at `pointer` lie. Throws a refusal (invalid value) where they are device or registered memory but
// not inside one live block. `role` names the argument in messages.
place locate(const void* pointer, std::size_t bytes, const char* role);

std::string hexadecimal(std::uint64_t value);
inline std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }
inline void* pointer_to(std::uint64_t address) { return reinterpret_cast<void*>(address); }

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// A device's address space. Device addresses lie in a reserved range that the host cannot touch: host code that
// dereferences one crashes, as on a machine with a GPU. The bytes lie in a second mapping, which `at` gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "error.hpp"

namespace sim {

struct allocation {
  std::uint64_t address = 0;
  std::size_t bytes = 0;
  std::byte* data = nullptr;                 ///< the bytes, on the host
  std::unique_ptr<std::uint64_t[]> written;  ///< one bit a byte; null for host memory, which counts as written
  bool read_only = false;                    ///< constant space
  bool on_host = false;                      ///< map_host
};

class memory {
 public:
  /// @param capacity bytes that live allocations may hold together; allocate throws out_of_memory above it.
  explicit memory(std::size_t capacity = std::size_t{8} << 30);
  ~memory();
  memory(const memory&) = delete;
  memory& operator=(const memory&) = delete;

  struct out_of_memory : error {
    using error::error;
  };

  /// A new allocation of unwritten bytes; `alignment` is a power of two. Addresses are reused as late as possible, and
  /// a guard gap separates neighbours.
  std::uint64_t allocate(std::size_t bytes, std::size_t alignment = 256);
  /// @throws sim::error unless `address` is what allocate gave.
  void free(std::uint64_t address);

  /// Makes host memory readable and writable by kernels, at its own address (pinned and managed memory).
  void map_host(void* pointer, std::size_t bytes);
  void unmap_host(void* pointer);

  /// The host's view of device bytes. @throws sim::error unless one live allocation holds them all.
  std::byte* at(std::uint64_t address, std::size_t bytes) const;
  /// The live allocation that holds `address`, or null. The pointer stays valid until the allocation is freed.
  const allocation* find(std::uint64_t address) const;
  /// True where `address` lies in the reserved device range, allocated or not.
  bool is_device_address(std::uint64_t address) const { return address >= begin_ && address < end_; }

  /// Copies of the host into and out of the device, checked; `write` and `fill` count as initialisation, `copy` carries
  /// the initialised state of its source along.
  void write(std::uint64_t address, const void* source, std::size_t bytes);
  void read(void* destination, std::uint64_t address, std::size_t bytes) const;
  void fill(std::uint64_t address, int value, std::size_t bytes);
  void copy(std::uint64_t destination, std::uint64_t source, std::size_t bytes);
  void mark_written(std::uint64_t address, std::size_t bytes);
  void mark_unwritten(std::uint64_t address, std::size_t bytes);
  /// Kernels may not write the allocation that begins at `address`; the host may.
  void set_read_only(std::uint64_t address);
  bool is_written(std::uint64_t address, std::size_t bytes) const;

  std::size_t capacity() const;
  void set_capacity(std::size_t bytes);
  std::size_t used() const;  ///< bytes in live allocations, those of host memory apart
  std::size_t live() const;  ///< number of live allocations, those of host memory apart

  /// All live allocations by address. A launch takes one and works on it: a later free does not pull bytes away.
  std::vector<std::shared_ptr<const allocation>> snapshot() const;
  /// Tells two memories apart, also when one takes the place of a dead one.
  std::uint64_t serial() const { return serial_; }

 private:
  std::shared_ptr<allocation> holder(std::uint64_t address, std::size_t bytes, const char* who) const;

  mutable std::shared_mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<allocation>> allocations_;
  std::byte* reserved_ = nullptr;
  std::byte* alias_ = nullptr;
  std::uint64_t begin_ = 0, end_ = 0, cursor_ = 0;
  std::size_t capacity_ = 0, used_ = 0, live_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace sim

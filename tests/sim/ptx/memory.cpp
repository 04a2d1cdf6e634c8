// SPDX-License-Identifier: Apache-2.0
#include "memory.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>

#include "bits.hpp"

namespace sim {
namespace {

// 64 GiB of addresses: several times the largest capacity in use, so that a freed address is not soon given again and a
// use after free meets a hole.
constexpr std::size_t reserved_bytes = std::size_t{64} << 30;
// An access that misses its allocation by less meets no other one.
constexpr std::size_t guard_bytes = 64 << 10;

std::string hex(std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(value));
  return text;
}

std::unique_ptr<std::uint64_t[]> bitmap(std::size_t bytes) { return std::make_unique<std::uint64_t[]>(bytes / 64 + 1); }

}  // namespace

memory::memory(std::size_t capacity) : capacity_(capacity) {
  static std::atomic<std::uint64_t> serials{0};
  serial_ = ++serials;
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* reserved = mmap(nullptr, reserved_bytes, PROT_NONE, flags, -1, 0);
  void* alias = mmap(nullptr, reserved_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (reserved == MAP_FAILED || alias == MAP_FAILED)
    throw error(
        "sim: memory: cannot reserve 2 x 64 GiB of address space; raise the limit on virtual memory (ulimit -v)");
  reserved_ = static_cast<std::byte*>(reserved);
  alias_ = static_cast<std::byte*>(alias);
  begin_ = reinterpret_cast<std::uint64_t>(reserved);
  end_ = begin_ + reserved_bytes;
  cursor_ = begin_ + guard_bytes;
}

memory::~memory() {
  munmap(reserved_, reserved_bytes);
  munmap(alias_, reserved_bytes);
}

std::uint64_t memory::allocate(std::size_t bytes, std::size_t alignment) {
  if (alignment == 0 || (alignment & (alignment - 1)) != 0)
    throw error("sim: memory: alignment " + std::to_string(alignment) + " is no power of two");
  const std::size_t size = bytes == 0 ? 1 : bytes;
  std::unique_lock lock(mutex_);
  if (size > capacity_ || used_ > capacity_ - size)
    throw out_of_memory("sim: memory: " + std::to_string(size) + " bytes asked for, " +
                        std::to_string(capacity_ - std::min(capacity_, used_)) + " of " + std::to_string(capacity_) +
                        " left");
  const auto align = [&](std::uint64_t a) { return (a + alignment - 1) / alignment * alignment; };
  // First hole at or after the cursor, then from the start.
  std::uint64_t found = 0;
  for (int pass = 0; pass < 2 && found == 0; ++pass) {
    std::uint64_t candidate = align(pass == 0 ? cursor_ : begin_ + guard_bytes);
    auto next = allocations_.lower_bound(candidate);
    if (next != allocations_.begin()) {
      const auto& before = *std::prev(next)->second;
      if (!before.on_host) candidate = std::max(candidate, align(before.address + before.bytes + guard_bytes));
    }
    while (true) {
      while (next != allocations_.end() && next->first < candidate) ++next;
      const std::uint64_t limit = next == allocations_.end() || next->first >= end_ ? end_ : next->first - guard_bytes;
      if (candidate + size + guard_bytes <= limit) {
        found = candidate;
        break;
      }
      if (limit == end_) break;
      candidate = align(next->first + next->second->bytes + guard_bytes);
    }
  }
  if (found == 0) throw out_of_memory("sim: memory: no hole of " + std::to_string(size) + " bytes left");
  auto made = std::make_shared<allocation>();
  made->address = found;
  made->bytes = size;
  made->data = alias_ + (found - begin_);
  made->written = bitmap(size);
  allocations_.emplace(found, std::move(made));
  cursor_ = found + size + guard_bytes;
  used_ += size;
  ++live_;
  return found;
}

void memory::free(std::uint64_t address) {
  std::unique_lock lock(mutex_);
  const auto at = allocations_.find(address);
  if (at == allocations_.end() || at->second->on_host)
    throw error("sim: memory: free of " + hex(address) + ", which no live allocation begins at");
  const std::size_t bytes = at->second->bytes;
  // Give the pages back, which the guards keep free of others; a launch that still holds a snapshot reads zeros.
  const auto first = reinterpret_cast<std::uintptr_t>(at->second->data) / 4096 * 4096;
  const auto last = (reinterpret_cast<std::uintptr_t>(at->second->data) + bytes + 4095) / 4096 * 4096;
  madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  used_ -= bytes;
  --live_;
  allocations_.erase(at);
}

void memory::map_host(void* pointer, std::size_t bytes) {
  auto made = std::make_shared<allocation>();
  made->address = reinterpret_cast<std::uint64_t>(pointer);
  made->bytes = bytes;
  made->data = static_cast<std::byte*>(pointer);
  made->on_host = true;
  std::unique_lock lock(mutex_);
  const auto next = allocations_.lower_bound(made->address);
  const bool after = next != allocations_.end() && next->first < made->address + bytes;
  const bool before =
      next != allocations_.begin() && std::prev(next)->first + std::prev(next)->second->bytes > made->address;
  if (bytes == 0 || after || before)
    throw error("sim: memory: host range " + hex(made->address) + " of " + std::to_string(bytes) +
                " bytes is empty or overlaps one that is mapped already");
  allocations_.emplace(made->address, std::move(made));
}

void memory::unmap_host(void* pointer) {
  std::unique_lock lock(mutex_);
  const auto at = allocations_.find(reinterpret_cast<std::uint64_t>(pointer));
  if (at == allocations_.end() || !at->second->on_host)
    throw error("sim: memory: unmap of host memory that is not mapped");
  allocations_.erase(at);
}

std::shared_ptr<allocation> memory::holder(std::uint64_t address, std::size_t bytes, const char* who) const {
  std::shared_lock lock(mutex_);
  auto after = allocations_.upper_bound(address);
  if (after != allocations_.begin()) {
    const auto& candidate = std::prev(after)->second;
    const std::uint64_t offset = address - candidate->address;
    if (offset <= candidate->bytes && bytes <= candidate->bytes - offset) return candidate;
    if (offset < candidate->bytes)
      throw error("sim: memory: " + std::string(who) + " of " + std::to_string(bytes) + " bytes at " + hex(address) +
                  " leaves the allocation of " + std::to_string(candidate->bytes) + " bytes at " +
                  hex(candidate->address));
  }
  throw error("sim: memory: " + std::string(who) + " of " + std::to_string(bytes) + " bytes at " + hex(address) +
              ", which lies in no live allocation");
}

std::byte* memory::at(std::uint64_t address, std::size_t bytes) const {
  const auto held = holder(address, bytes, "access");
  return held->data + (address - held->address);
}

const allocation* memory::find(std::uint64_t address) const {
  std::shared_lock lock(mutex_);
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return nullptr;
  const auto& candidate = std::prev(after)->second;
  return address - candidate->address < candidate->bytes ? candidate.get() : nullptr;
}

void memory::write(std::uint64_t address, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  const auto held = holder(address, bytes, "write");
  std::memcpy(held->data + (address - held->address), source, bytes);
  if (held->written) set_bits_shared(held->written.get(), address - held->address, bytes);
}

void memory::read(void* destination, std::uint64_t address, std::size_t bytes) const {
  if (bytes == 0) return;
  const auto held = holder(address, bytes, "read");
  std::memcpy(destination, held->data + (address - held->address), bytes);
}

void memory::fill(std::uint64_t address, int value, std::size_t bytes) {
  if (bytes == 0) return;
  const auto held = holder(address, bytes, "fill");
  std::memset(held->data + (address - held->address), value, bytes);
  if (held->written) set_bits_shared(held->written.get(), address - held->address, bytes);
}

void memory::copy(std::uint64_t destination, std::uint64_t source, std::size_t bytes) {
  if (bytes == 0) return;
  const auto from = holder(source, bytes, "copy from");
  const auto to = holder(destination, bytes, "copy to");
  const std::uint64_t from_offset = source - from->address, to_offset = destination - to->address;
  std::memmove(to->data + to_offset, from->data + from_offset, bytes);
  if (!to->written) return;
  if (!from->written || all_bits(from->written.get(), from_offset, bytes)) {
    set_bits_shared(to->written.get(), to_offset, bytes);
    return;
  }
  for (std::size_t i = 0; i < bytes; ++i) {
    if (all_bits(from->written.get(), from_offset + i, 1))
      set_bits_shared(to->written.get(), to_offset + i, 1);
    else
      clear_bits(to->written.get(), to_offset + i, 1);
  }
}

void memory::mark_written(std::uint64_t address, std::size_t bytes) {
  const auto held = holder(address, bytes, "mark_written");
  if (held->written) set_bits_shared(held->written.get(), address - held->address, bytes);
}

void memory::mark_unwritten(std::uint64_t address, std::size_t bytes) {
  const auto held = holder(address, bytes, "mark_unwritten");
  if (held->written) clear_bits(held->written.get(), address - held->address, bytes);
}

void memory::set_read_only(std::uint64_t address) { holder(address, 1, "set_read_only")->read_only = true; }

bool memory::is_written(std::uint64_t address, std::size_t bytes) const {
  const auto held = holder(address, bytes, "is_written");
  return !held->written || all_bits(held->written.get(), address - held->address, bytes);
}

std::size_t memory::capacity() const {
  std::shared_lock lock(mutex_);
  return capacity_;
}
void memory::set_capacity(std::size_t bytes) {
  std::unique_lock lock(mutex_);
  capacity_ = bytes;
}
std::size_t memory::used() const {
  std::shared_lock lock(mutex_);
  return used_;
}
std::size_t memory::live() const {
  std::shared_lock lock(mutex_);
  return live_;
}

std::vector<std::shared_ptr<const allocation>> memory::snapshot() const {
  std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<const allocation>> all;
  all.reserve(allocations_.size());
  for (const auto& [address, held] : allocations_) all.push_back(held);
  return all;
}

}  // namespace sim

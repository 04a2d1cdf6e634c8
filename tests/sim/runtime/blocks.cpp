// SPDX-License-Identifier: Apache-2.0
#include "blocks.hpp"

#include <cstdio>

#include "context.hpp"

namespace sim::runtime {
namespace {
constexpr std::size_t remembered = 1024;
}

std::string hexadecimal(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

block* block_registry::at(std::uint64_t address) {
  const auto found = live_.find(address);
  return found == live_.end() ? nullptr : &found->second;
}

block* block_registry::holding(std::uint64_t address) {
  auto after = live_.upper_bound(address);
  if (after == live_.begin()) return nullptr;
  block& candidate = std::prev(after)->second;
  return address - candidate.address < candidate.bytes ? &candidate : nullptr;
}

void block_registry::remove(std::uint64_t address, const char* by) {
  const auto found = live_.find(address);
  if (found == live_.end()) return;
  freed_.push_front({std::move(found->second), by});
  if (freed_.size() > remembered) freed_.pop_back();
  live_.erase(found);
}

std::string block_registry::tell(std::uint64_t address) const {
  const auto words = [&](const block& b) {
    return hexadecimal(address) + " is byte " + std::to_string(address - b.address) + " of " + std::to_string(b.bytes) +
           " of the " + b.origin + " at " + hexadecimal(b.address);
  };
  // Guard gaps separate neighbours, so one allocation at most lies within a few bytes before an address.
  for (const auto& [begin, b] : live_)
    if (address >= begin && address - begin <= b.bytes) return words(b);
  for (const auto& stone : freed_)
    if (address >= stone.was.address && address - stone.was.address <= stone.was.bytes)
      return words(stone.was) + ", released by " + stone.freed_by;
  return hexadecimal(address) + " is in no allocation";
}

place locate(const void* pointer, std::size_t bytes, const char* role) {
  context& state = the();
  const std::uint64_t address = address_of(pointer);
  const block* const holder = state.blocks.holding(address);
  if (holder != nullptr) {
    if (bytes > holder->bytes - (address - holder->address))
      throw refusal(cudaErrorInvalidValue, std::string(role) + ": " + std::to_string(bytes) + " bytes from " +
                                               state.blocks.tell(address) + " run past its end");
    if (holder->free_queued)
      throw refusal(cudaErrorInvalidValue, std::string(role) + ": " + state.blocks.tell(address) +
                                               ", which cudaFreeAsync has already been asked to free");
    if (holder->kind == block_kind::managed) return place::managed;
    return holder->on_host() ? place::pinned : place::device;
  }
  if (!state.device_memory.is_device_address(address)) {
    if (pointer == nullptr && bytes > 0) throw refusal(cudaErrorInvalidValue, std::string(role) + " is null");
    return place::pageable;
  }
  // Variables of the program's modules are in the memory but not allocated through the runtime.
  const allocation* const variable = state.device_memory.find(address);
  if (variable == nullptr) throw refusal(cudaErrorInvalidValue, std::string(role) + ": " + state.blocks.tell(address));
  if (bytes > variable->bytes - (address - variable->address))
    throw refusal(cudaErrorInvalidValue, std::string(role) + ": " + std::to_string(bytes) +
                                             " bytes run past the end of a variable of " +
                                             std::to_string(variable->bytes) + " bytes");
  return place::device;
}

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// The parameters of all nodes of a captured call, and which of their words are addresses in which region.
#pragma once
#include <cstring>
#include <fuse/exec/recorder.hpp>
#include <vector>

namespace fuse::runtime {

class parameters {
 public:
  /// Keeps the bytes of one parameter of a node, and finds the shadow addresses in them. Returns where they lie.
  std::size_t add(int node, const void* data, std::size_t bytes) {
    const std::size_t at = words_.size() * sizeof(std::uint64_t);
    words_.resize(words_.size() + (bytes + 7) / 8, 0);
    if (bytes > 0) std::memcpy(address(at), data, bytes);
    for (std::size_t i = at / 8; (i + 1) * 8 <= at + bytes; ++i) {
      if (!shadow::is(words_[i])) continue;
      const int region = shadow::region_of(words_[i]);
      if (static_cast<std::size_t>(region) >= uses_.size()) uses_.resize(static_cast<std::size_t>(region) + 1);
      uses_[static_cast<std::size_t>(region)].push_back({i, node, 0});
    }
    return at;
  }
  /// From where a region's addresses count: what its shadow address was while the call was captured.
  void measure(const std::vector<std::uint64_t>& origins) {
    for (std::size_t r = 0; r < uses_.size(); ++r)
      for (use& u : uses_[r]) u.displacement = words_[u.word] - (r < origins.size() ? origins[r] : 0);
  }
  /// Writes a region's new address, or a scalar's bits, wherever it is used; changed(node) for each use.
  template <class F>
  void bind(std::size_t region, std::uint64_t value, F&& changed) {
    if (region >= uses_.size()) return;
    for (const use& u : uses_[region]) {
      words_[u.word] = value + u.displacement;
      changed(u.node);
    }
  }
  /// Takes words that look like shadow addresses for what they are: nothing is bound any more.
  void keep_addresses() { uses_.clear(); }
  std::size_t use_count() const {
    std::size_t n = 0;
    for (const auto& region : uses_) n += region.size();
    return n;
  }
  void* address(std::size_t at) { return reinterpret_cast<char*>(words_.data()) + at; }
  const void* address(std::size_t at) const { return reinterpret_cast<const char*>(words_.data()) + at; }

 private:
  struct use {
    std::size_t word;
    int node;
    std::uint64_t displacement;  // from the start of the region
  };
  std::vector<std::uint64_t> words_;
  std::vector<std::vector<use>> uses_;  // by region
};

}  // namespace fuse::runtime

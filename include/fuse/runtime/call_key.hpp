// SPDX-License-Identifier: Apache-2.0
// One call of a graphed function: the key of its graph, and the addresses and scalars to rebind.
#pragma once
#include <fuse/runtime/inputs.hpp>

namespace fuse::runtime {

/// Filled anew by every call, without allocating once it has grown.
class call_key {
 public:
  /// alignment: of an address modulo it the choice of a kernel depends. with_addresses: addresses are part of the key.
  template <class... A>
  void read(const void* type, int alignment, bool with_addresses, const A&... a) {
    words_.clear(), leaves_.clear(), scalars_.clear(), stays_.clear();
    words_.push_back(reinterpret_cast<index>(type));
    visitor v{*this};
    (visit(a, v), ...);
    find_regions();
    for (const leaf& l : leaves_) {
      words_.push_back(l.region);
      words_.push_back(l.address -
                       leaves_[static_cast<std::size_t>(first_of_[static_cast<std::size_t>(l.region) - 1])].address);
      if (l.address == 0)
        words_.push_back(-1);  // the function is to see that it is null
      else
        words_.push_back(
            static_cast<index>(with_addresses ? l.address : l.address % static_cast<std::uintptr_t>(alignment)));
    }
    values_.clear();
    values_.push_back(0);  // region 0: the memory of the graph
    for (int first : first_of_) values_.push_back(leaves_[static_cast<std::size_t>(first)].address);
    for (long long bits : scalars_) values_.push_back(static_cast<std::uint64_t>(bits));
  }

  const std::vector<index>& words() const { return words_; }
  /// Of every region: its address, or the bits of its scalar. The first is the memory of the graph.
  const std::vector<std::uint64_t>& values() const { return values_; }
  std::size_t memory_regions() const { return first_of_.size(); }
  /// Is region r memory that the call may read or write?
  bool has_memory(std::size_t r) const {
    return r > 0 && r <= first_of_.size() && values_[r] != 0 && bytes_[r - 1] > 0;
  }
  std::size_t regions() const { return values_.size(); }
  const std::vector<const void*>& stays() const { return stays_; }
  /// Bytes that the arguments span: what makes one call larger than another.
  index bytes() const {
    index n = 0;
    for (const leaf& l : leaves_) n += static_cast<index>(l.bytes);
    return n;
  }

  /// Gives rebuild() the addresses of a capture: each leaf at its place in its region, region r at origin[r].
  class placement {
   public:
    placement(const call_key& key, const std::vector<std::uint64_t>& origin)
        : key_(key), origin_(origin), scalar_(key.first_of_.size() + 1) {}
    void* address() {
      const leaf& l = key_.leaves_[leaf_++];
      if (l.address == 0) return nullptr;
      const std::size_t first = static_cast<std::size_t>(key_.first_of_[static_cast<std::size_t>(l.region) - 1]);
      return reinterpret_cast<void*>(origin_[static_cast<std::size_t>(l.region)] +
                                     (l.address - key_.leaves_[first].address));
    }
    long long bits() { return static_cast<long long>(origin_[scalar_++]); }

   private:
    const call_key& key_;
    const std::vector<std::uint64_t>& origin_;
    std::size_t leaf_ = 0, scalar_;
  };

 private:
  struct leaf {
    std::uintptr_t address = 0, before = 0, bytes = 0;
    int region = 0;  // from 1
  };
  struct visitor {
    call_key& key;
    template <class X>
    void memory(const X& x) {
      const argument a = arguments::describe(x);
      constexpr int rank = X::rank;
      binding::memory m;
      m.rank = rank;
      for (int i = 0; i < rank; ++i) {
        m.extents[i] = a.extents[i], m.strides[i] = a.strides[i];
        key.words_.push_back(a.extents[i]);
        if constexpr (!view_type<X>::type::is_row_major) key.words_.push_back(a.strides[i]);
      }
      binding::set_bytes(m, sizeof(typename X::element_type));
      key.leaves_.push_back({reinterpret_cast<std::uintptr_t>(a.data), static_cast<std::uintptr_t>(m.before),
                             static_cast<std::uintptr_t>(m.bytes)});
    }
    void scalar(long long bits) { key.scalars_.push_back(bits); }
    void fixed(long long bits) { key.words_.push_back(bits); }
    void fixed_bytes(const void* data, std::size_t bytes) {
      const std::size_t at = key.words_.size();
      key.words_.resize(at + (bytes + 7) / 8, 0);
      std::memcpy(key.words_.data() + at, data, bytes);
    }
    template <class X>
    void stays(const X& x) {
      const argument a = arguments::describe(x);
      for (int i = 0; i < X::rank; ++i) {
        key.words_.push_back(a.extents[i]);
        if constexpr (!view_type<X>::type::is_row_major) key.words_.push_back(a.strides[i]);
      }
      key.stays_.push_back(a.data);
    }
  };

  /// Arguments that share memory are one region: a graph that was captured for memory of its own is not theirs.
  void find_regions() {
    const std::size_t n = leaves_.size();
    if (order_.size() != n) {
      order_.resize(n);
      for (std::size_t i = 0; i < n; ++i) order_[i] = static_cast<int>(i);
    }
    auto begin_of = [&](int i) {
      return leaves_[static_cast<std::size_t>(i)].address - leaves_[static_cast<std::size_t>(i)].before;
    };
    // Calls resemble each other: insertion into the last call's order is nearly always one pass.
    for (std::size_t i = 1; i < n; ++i)
      for (std::size_t j = i; j > 0 && begin_of(order_[j]) < begin_of(order_[j - 1]); --j)
        std::swap(order_[j], order_[j - 1]);
    group_.resize(n);
    std::uintptr_t end = 0;
    int groups = 0, open = -1;
    for (int i : order_) {
      const leaf& l = leaves_[static_cast<std::size_t>(i)];
      int& group = group_[static_cast<std::size_t>(i)];
      if (l.bytes == 0 || l.address == 0) {
        group = groups++;  // shares memory with nothing
      } else if (open >= 0 && begin_of(i) < end) {
        group = open;
        end = std::max(end, begin_of(i) + l.bytes);
      } else {
        group = open = groups++;
        end = begin_of(i) + l.bytes;
      }
    }
    // Regions in the order of the arguments.
    region_of_group_.assign(static_cast<std::size_t>(groups), 0);
    first_of_.clear(), bytes_.clear();
    for (std::size_t i = 0; i < n; ++i) {
      int& region = region_of_group_[static_cast<std::size_t>(group_[i])];
      if (region == 0) {
        first_of_.push_back(static_cast<int>(i));
        bytes_.push_back(leaves_[i].bytes);
        region = static_cast<int>(first_of_.size());
      }
      leaves_[i].region = region;
    }
  }

  std::vector<index> words_;
  std::vector<leaf> leaves_;
  std::vector<long long> scalars_;
  std::vector<std::uint64_t> values_;
  std::vector<const void*> stays_;
  std::vector<std::uintptr_t> bytes_;  // of the first leaf of each region
  std::vector<int> order_, group_, region_of_group_, first_of_;
};

/// Where the regions of a call lie while it is captured: at shadow addresses that are aligned as its memory is.
inline std::vector<std::uint64_t> shadow_origins(const call_key& key) {
  if (key.regions() > static_cast<std::size_t>(shadow::most_regions))
    throw error(error_category::argument, text("fuse::graphed: a call has at most ")
                                              << shadow::most_regions - 1 << " separate arguments, got "
                                              << key.regions() - 1 << " (mark what never changes with static_input)");
  std::vector<std::uint64_t> origin(key.regions());
  for (std::size_t r = 0; r < origin.size(); ++r) {
    origin[r] = shadow::start(static_cast<int>(r));
    if (r > 0 && r <= key.memory_regions()) origin[r] += key.values()[r] % 256;
  }
  return origin;
}

}  // namespace fuse::runtime

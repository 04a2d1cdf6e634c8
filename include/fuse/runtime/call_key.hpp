// SPDX-License-Identifier: Apache-2.0
// One call of a graphed function: the key of its graph, and the addresses and scalars to rebind.
#pragma once
#include <cstring>
#include <fuse/runtime/inputs.hpp>

namespace fuse::runtime {

/// Filled anew by every call, without allocating once it has grown.
class call_key {
 public:
  /// alignment: of an address modulo it the choice of a kernel depends.
  template <class... A>
  void read(const void* type, int alignment, const A&... a) {
    size_ = 0;
    alignment_ = static_cast<std::uintptr_t>(alignment);
    leaves_.clear(), stays_.clear(), stay_leaves_.clear(), outputs_.clear(), scalars_.clear();
    put(reinterpret_cast<index>(type));
    [[maybe_unused]] visitor v{*this};  // of no arguments
    (visit(a, v), ...);
    values_.clear();
    values_.push_back(0);  // region 0: the memory of the graph
    if (apart()) {
      shares_ = false;
      for (const leaf& l : leaves_) values_.push_back(l.address);
    } else {
      shares_ = true;
      find_regions();
      for (std::size_t i = 0; i < leaves_.size(); ++i) put(region_[i]), put(displacement(i));
      for (int first : first_of_) values_.push_back(leaves_[static_cast<std::size_t>(first)].address);
    }
    memory_regions_ = values_.size() - 1;
    values_.insert(values_.end(), scalars_.begin(), scalars_.end());
  }

  /// The key: the types, the lengths and strides, how addresses are aligned, which arguments share memory.
  std::vector<index> words() const { return {words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(size_)}; }
  bool is(const std::vector<index>& words) const {
    return words.size() == size_ && std::memcmp(words.data(), words_.data(), size_ * sizeof(index)) == 0;
  }
  /// Of every region: its address, or the bits of its scalar. The first is the memory of the graph.
  const std::vector<std::uint64_t>& values() const { return values_; }
  std::size_t regions() const { return values_.size(); }
  std::size_t memory_regions() const { return memory_regions_; }
  /// Is region r memory that the call may read or write?
  bool has_memory(std::size_t r) const {
    return r > 0 && r <= memory_regions_ && values_[r] != 0 && leaves_[first_leaf(r)].bytes > 0;
  }
  /// Addresses of the static inputs.
  const std::vector<const void*>& stays() const { return stays_; }
  /// Does a tensor of out(...) lie in a static input?
  bool writes_to_static() const {
    for (const std::size_t i : outputs_)
      for (const leaf& l : stay_leaves_)
        if (leaves_[i].meets(l.begin(), l.bytes)) return true;
    return false;
  }
  /// Does an argument lie in this memory?
  bool meets(std::uint64_t begin, std::uint64_t bytes) const {
    for (const leaf& l : leaves_)
      if (l.meets(begin, bytes)) return true;
    return false;
  }
  /// Is all memory aligned as it is at these addresses, as far as a graph can have been captured for?
  bool is_aligned_as(const std::vector<std::uint64_t>& origins) const {
    for (std::size_t r = 1; r <= memory_regions_; ++r)
      if ((values_[r] ^ origins[r]) % capture_alignment != 0) return false;
    return true;
  }
  /// Shadow addresses are equal to the real ones modulo it.
  static constexpr std::uint64_t capture_alignment = 256;
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
        : key_(key), origin_(origin), scalar_(key.memory_regions_ + 1) {}
    void* address() {
      const std::size_t i = leaf_++;
      if (key_.leaves_[i].address == 0) return nullptr;
      return reinterpret_cast<void*>(origin_[key_.region(i)] + static_cast<std::uint64_t>(key_.displacement(i)));
    }
    long long bits() { return static_cast<long long>(origin_[scalar_++]); }

   private:
    const call_key& key_;
    const std::vector<std::uint64_t>& origin_;
    std::size_t leaf_ = 0, scalar_;
  };

 private:
  struct leaf {
    std::uintptr_t address, before, bytes;  // it spans [address - before, address - before + bytes)
    std::uintptr_t begin() const { return address - before; }
    bool meets(std::uintptr_t other, std::uintptr_t n) const {
      return is_memory() && n > 0 && begin() < other + n && other < begin() + bytes;
    }
    bool is_memory() const { return bytes > 0 && address != 0; }
  };
  struct visitor {
    call_key& key;
    template <class X>
    void memory(const X& x) {
      key.leaves_.push_back(shape(x));
      const std::uintptr_t address = key.leaves_.back().address;
      key.put(address == 0 ? -1 : static_cast<index>(address % key.alignment_));  // the function is to see a null
    }
    template <class X>
    void output(const X& x) {
      key.outputs_.push_back(key.leaves_.size());
      memory(x);
    }
    void scalar(long long bits) { key.scalars_.push_back(static_cast<std::uint64_t>(bits)); }
    void fixed(long long bits) { key.put(bits); }
    void fixed_bytes(const void* data, std::size_t bytes) {
      for (std::size_t at = 0; at < bytes; at += sizeof(index)) {
        index word = 0;
        std::memcpy(&word, static_cast<const char*>(data) + at, std::min(bytes - at, sizeof word));
        key.put(word);
      }
    }
    template <class X>
    void stays(const X& x) {
      const leaf l = shape(x);
      key.stay_leaves_.push_back(l);
      key.stays_.push_back(reinterpret_cast<const void*>(l.address));
    }

   private:
    template <class X>
    leaf shape(const X& x) {
      using V = typename view_type<X>::type;
      const V view = x;
      constexpr index size = sizeof(typename V::element_type);
      const auto address = reinterpret_cast<std::uintptr_t>(view.data());
      for (int i = 0; i < V::rank; ++i) key.put(view.extent(i));
      if constexpr (V::is_row_major) {
        return {address, 0, static_cast<std::uintptr_t>(view.size() * size)};
      } else {
        const auto strides = view.strides();
        binding::memory m;
        m.rank = V::rank;
        for (int i = 0; i < V::rank; ++i) {
          key.put(strides[i]);
          m.extents[i] = view.extent(i), m.strides[i] = strides[i];
        }
        binding::set_bytes(m, size);
        return {address, static_cast<std::uintptr_t>(m.before), static_cast<std::uintptr_t>(m.bytes)};
      }
    }
  };

  void put(index word) {
    if (size_ == words_.size()) words_.resize(2 * size_ + 16);
    words_[size_++] = word;
  }
  std::size_t region(std::size_t i) const { return shares_ ? static_cast<std::size_t>(region_[i]) : i + 1; }
  std::size_t first_leaf(std::size_t region) const {
    return shares_ ? static_cast<std::size_t>(first_of_[region - 1]) : region - 1;
  }
  index displacement(std::size_t i) const {
    return static_cast<index>(leaves_[i].address - leaves_[first_leaf(region(i))].address);
  }

  /// Does no argument share memory with another? Asked in the order that the last calls had.
  bool apart() {
    const std::size_t n = leaves_.size();
    if (order_.size() != n) {
      order_.resize(n);
      for (std::size_t i = 0; i < n; ++i) order_[i] = static_cast<int>(i);
    }
    if (ascending()) return true;
    for (std::size_t i = 1; i < n; ++i)  // calls resemble each other: nearly one pass
      for (std::size_t j = i; j > 0 && at(order_[j]).begin() < at(order_[j - 1]).begin(); --j)
        std::swap(order_[j], order_[j - 1]);
    return ascending();
  }
  bool ascending() const {
    std::uintptr_t end = 0;
    for (int i : order_) {
      const leaf& l = at(i);
      if (!l.is_memory()) continue;
      if (l.begin() < end) return false;
      end = l.begin() + l.bytes;
    }
    return true;
  }
  /// Arguments that share memory are one region: a graph that was captured for memory of its own is not theirs.
  void find_regions() {
    const std::size_t n = leaves_.size();
    group_.resize(n);
    std::uintptr_t end = 0;
    int groups = 0, open = -1;
    for (int i : order_) {
      const leaf& l = at(i);
      int& mine = group_[static_cast<std::size_t>(i)];
      if (!l.is_memory()) {
        mine = groups++;
      } else if (open >= 0 && l.begin() < end) {
        mine = open;
        end = std::max(end, l.begin() + l.bytes);
      } else {
        mine = open = groups++;
        end = l.begin() + l.bytes;
      }
    }
    // Numbered in the order of the arguments.
    region_of_group_.assign(static_cast<std::size_t>(groups), 0);
    region_.resize(n);
    first_of_.clear();
    for (std::size_t i = 0; i < n; ++i) {
      int& r = region_of_group_[static_cast<std::size_t>(group_[i])];
      if (r == 0) {
        first_of_.push_back(static_cast<int>(i));
        r = static_cast<int>(first_of_.size());
      }
      region_[i] = r;
    }
  }
  const leaf& at(int i) const { return leaves_[static_cast<std::size_t>(i)]; }

  std::vector<index> words_;  // the first size_ of them
  std::size_t size_ = 0;
  std::uintptr_t alignment_ = 1;
  std::vector<leaf> leaves_, stay_leaves_;  // what is rebound, and the static inputs
  std::vector<std::size_t> outputs_;        // leaves of out(...)
  std::vector<std::uint64_t> scalars_, values_;
  std::vector<const void*> stays_;
  std::size_t memory_regions_ = 0;
  bool shares_ = false;
  std::vector<int> order_;              // leaves by address
  std::vector<int> region_, first_of_;  // of each leaf; the first leaf of each region
  std::vector<int> group_, region_of_group_;
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
    if (r > 0 && r <= key.memory_regions()) origin[r] += key.values()[r] % call_key::capture_alignment;
  }
  return origin;
}

}  // namespace fuse::runtime

// SPDX-License-Identifier: Apache-2.0
// The memory that the graphs of one graphed function work in, one after the other.
#pragma once
#include <fuse/runtime/call_key.hpp>
#include <fuse/runtime/replayed.hpp>

namespace fuse::runtime {

/// There is one, as large as the largest graph needs. An argument may lie in it, being the result of an earlier call:
/// the graph then works in a second one, and so on.
class working_memory {
 public:
  /// The first in which no argument of the call lies.
  std::size_t free_of(const call_key& key) const {
    std::size_t place = 0;
    while (place < all_.size() && all_[place] &&
           key.meets(all_[place]->address(), static_cast<std::uint64_t>(all_[place]->bytes)))
      ++place;
    return place;
  }
  bool has(std::size_t place, index bytes) const {
    return place < all_.size() && all_[place] && all_[place]->bytes >= bytes;
  }
  const std::shared_ptr<graph_memory>& at(std::size_t place) const { return all_[place]; }
  /// Makes it larger, and returns what was there before.
  template <class Executor>
  std::shared_ptr<graph_memory> grow(Executor& executor, std::size_t place, index bytes) {
    if (all_.size() <= place) all_.resize(place + 1);
    auto made = std::make_shared<graph_memory>();
    made->memory = executor.allocate(static_cast<std::size_t>(std::max<index>(bytes, 1)));
    made->bytes = bytes;
    return std::exchange(all_[place], std::move(made));
  }
  void clear() { all_.clear(); }
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < all_.size(); ++i) f(i, all_[i]);
  }

 private:
  std::vector<std::shared_ptr<graph_memory>> all_;
};

}  // namespace fuse::runtime

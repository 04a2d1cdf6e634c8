// SPDX-License-Identifier: Apache-2.0
// Where in one piece of memory the tensors of a captured call lie: places are given out and taken back in the order of
// the call, so that what is never alive together shares memory. Only offsets; the memory comes later.
#pragma once
#include <algorithm>
#include <fuse/config.hpp>
#include <vector>

namespace fuse::runtime {

class arena_layout {
 public:
  static constexpr index alignment = 256;

  /// The lowest free place of so many bytes, for a tensor or for the workspace of kernels.
  index allocate(index bytes, bool tensor = true) {
    const index wanted = (std::max<index>(bytes, 1) + alignment - 1) / alignment * alignment;
    index at = 0;
    auto next = blocks_.begin();
    for (; next != blocks_.end() && next->at - at < wanted; ++next) at = next->at + next->bytes;
    blocks_.insert(next, {at, wanted, tensor ? ++tensors_ : 0, true});
    peak_ = std::max(peak_, at + wanted);
    return at;
  }
  /// Free again; while kept, only once nothing keeps it any more.
  void release(index at) {
    auto block = std::find_if(blocks_.begin(), blocks_.end(), [&](const block_t& b) { return b.at == at; });
    if (block == blocks_.end()) return;
    block->live = false;
    if (kept_ == 0) blocks_.erase(block);
  }
  /// Between keep and reuse no place is given out twice: work on several streams has no order of its own.
  void keep() { ++kept_; }
  void reuse() {
    if (--kept_ == 0) std::erase_if(blocks_, [](const block_t& b) { return !b.live; });
  }
  /// Bytes that the layout reaches to.
  index peak() const { return peak_; }
  /// The tensors that are alive, by a number that none had before.
  std::vector<index> tensors() const {
    std::vector<index> numbers;
    for (const block_t& b : blocks_)
      if (b.live && b.number > 0) numbers.push_back(b.number);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }

 private:
  struct block_t {
    index at, bytes;
    index number;  // of a tensor, from 1
    bool live;
  };
  std::vector<block_t> blocks_;  // by place
  index peak_ = 0, tensors_ = 0;
  int kept_ = 0;
};

}  // namespace fuse::runtime

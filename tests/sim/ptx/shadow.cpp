// SPDX-License-Identifier: Apache-2.0
#include "shadow.hpp"

#include <algorithm>
#include <bit>

namespace sim::ptx {

void shared_shadow::begin(std::size_t bytes, unsigned granule, std::uint32_t warps) {
  const auto shift = unsigned(std::countr_zero(granule));
  const std::size_t count = (bytes >> shift) + 1;
  if (cells_.size() < count || shift != shift_ || epoch_ > 0xfff00000u) {
    cells_.assign(count, {});
    epoch_ = 0;
  }
  shift_ = shift;
  warps_ = warps;
  block_barrier();
}

void shared_shadow::partial_barrier(std::uint32_t participants) {
  if (!partial_) {
    clocks_.assign(std::size_t{warps_} * warps_, 0);
    for (std::uint32_t w = 0; w < warps_; ++w) clocks_[w * warps_ + w] = 1;
    partial_ = true;
  }
  // Join the clocks of all that took part, then let each begin a new period.
  std::vector<std::uint32_t> joined(warps_, 0);
  for (std::uint32_t w = 0; w < warps_; ++w)
    if (participants >> w & 1)
      for (std::uint32_t k = 0; k < warps_; ++k) joined[k] = std::max(joined[k], clocks_[w * warps_ + k]);
  for (std::uint32_t w = 0; w < warps_; ++w)
    if (participants >> w & 1) {
      std::copy(joined.begin(), joined.end(), clocks_.begin() + std::ptrdiff_t(w * warps_));
      ++clocks_[w * warps_ + w];
    }
}

bool shared_shadow::ordered(std::uint32_t thread, std::uint32_t warp_epoch, std::uint32_t other,
                            std::uint32_t other_warp_epoch, std::uint32_t other_partial) const {
  if (thread == other) return true;
  const std::uint32_t mine = thread / 32, theirs = other / 32;
  if (mine == theirs) return other_warp_epoch != warp_epoch;
  // A warp's clock is 1 before its first partial barrier; an access made then carries 0 or 1.
  return partial_ && clocks_[mine * warps_ + theirs] >= std::max<std::uint32_t>(other_partial, 1);
}

shared_shadow::conflict shared_shadow::touch_slowly(std::uint32_t thread, std::uint32_t warp_epoch,
                                                    std::uint64_t offset, unsigned bytes, access what) {
  conflict result;
  const std::uint32_t partial = partial_ ? clocks_[(thread / 32) * (warps_ + 1)] : 0;
  const std::uint64_t last = (offset + bytes - 1) >> shift_;
  for (std::uint64_t at = offset >> shift_; at <= last; ++at) {
    auto& c = cells_[at];
    if (c.write_epoch == epoch_ && !(what == access::atomic && c.atomic) &&
        !ordered(thread, warp_epoch, c.writer, c.write_warp_epoch, c.writer_partial))
      result = {true, true, c.writer};
    if (what == access::read) {
      if (c.read_epoch != epoch_) {
        c.many_lanes = c.many_warps = false;
        c.reader = std::uint16_t(thread);
      } else if (c.reader / 32 != thread / 32) {
        // The earlier reader stands for this one only if it is not ordered before it.
        if (ordered(thread, warp_epoch, c.reader, c.read_warp_epoch, c.reader_partial) && !c.many_warps) {
          c.reader = std::uint16_t(thread);
          c.many_lanes = false;
        } else {
          c.many_warps = true;
          continue;
        }
      } else if (c.read_warp_epoch != warp_epoch) {
        c.reader = std::uint16_t(thread);
        c.many_lanes = false;
      } else if (c.reader != thread) {
        c.many_lanes = true;
      }
      c.read_epoch = epoch_;
      c.read_warp_epoch = warp_epoch;
      c.reader_partial = partial;
      continue;
    }
    if (c.read_epoch == epoch_) {
      const bool same_warp = c.reader / 32 == thread / 32;
      const bool after_first = (c.reader == thread && !c.many_lanes) ||
                               (same_warp ? c.read_warp_epoch != warp_epoch
                                          : ordered(thread, warp_epoch, c.reader, c.read_warp_epoch, c.reader_partial));
      if (!after_first || (c.many_warps && !partial_)) result = {true, false, c.reader};
    }
    c.write_epoch = epoch_;
    c.write_warp_epoch = warp_epoch;
    c.writer = std::uint16_t(thread);
    c.writer_partial = partial;
    c.atomic = what == access::atomic;
    c.read_epoch = 0;
    c.many_lanes = c.many_warps = false;
  }
  return result;
}

global_shadow::global_shadow(const std::vector<std::size_t>& bytes, unsigned granule, bool single)
    : shift_(unsigned(std::countr_zero(granule))), single_(single) {
  for (const auto size : bytes)
    pages_.push_back(std::make_unique<std::atomic<page*>[]>((size >> shift_) / page_cells + 1));
}

global_shadow::page& global_shadow::page_of(std::size_t region, std::size_t number) {
  auto& slot = pages_[region][number];
  page* found = slot.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  std::lock_guard lock(mutex_);
  found = slot.load(std::memory_order_relaxed);
  if (found == nullptr) {
    owned_.push_back(std::make_unique<page>());
    found = owned_.back().get();
    slot.store(found, std::memory_order_release);
  }
  return *found;
}

global_shadow::conflict global_shadow::visit(cell& c, std::uint32_t block, block_clock& clock, access what) {
  const std::uint32_t self = block + 1;
  const auto knows = [&](std::uint32_t other, std::uint32_t when) {
    if (other == 0 || other == self) return true;
    if (clock.seen.empty()) return false;
    const auto at = clock.seen.find(other - 1);
    return at != clock.seen.end() && at->second >= when;
  };
  conflict result;
  const bool synchronises = what >= access::synchronising_read;
  const bool writes = what != access::read && what != access::synchronising_read;
  // Of the two a plain write is one: a compare-and-swap loop may begin with a plain read.
  if (c.writer != 0 && c.writer != self && !((synchronises || !writes) && c.atomic) && !knows(c.writer, c.write_clock))
    result = {true, true, c.writer - 1};
  if (writes) {
    if (!synchronises || what == access::synchronising_write) {
      // Plain readers that this block has heard nothing of. A synchronising read leaves no mark.
      if (!knows(c.first_reader, 1)) result = {true, false, c.first_reader - 1};
      if (!knows(c.last_reader, 1)) result = {true, false, c.last_reader - 1};
    }
    c.writer = self;
    c.write_clock = clock.now;
    c.atomic = synchronises;
    c.first_reader = c.last_reader = 0;
  } else if (!synchronises) {
    if (c.first_reader == 0 || c.first_reader == self) c.first_reader = self;
    c.last_reader = self;
  }
  return result;
}

namespace {
struct spin_lock {
  std::atomic_flag* flag;
  explicit spin_lock(std::atomic_flag* f) : flag(f) {
    while (flag != nullptr && flag->test_and_set(std::memory_order_acquire)) {
    }
  }
  ~spin_lock() {
    if (flag != nullptr) flag->clear(std::memory_order_release);
  }
};
}  // namespace

global_shadow::conflict global_shadow::touch(std::uint32_t block, block_clock& clock, std::size_t region,
                                             std::uint64_t offset, unsigned bytes, access what) {
  conflict result;
  const std::uint64_t last = (offset + bytes - 1) >> shift_;
  for (std::uint64_t at = offset >> shift_; at <= last; ++at) {
    auto& p = page_of(region, at / page_cells);
    spin_lock lock(single_ ? nullptr : &p.busy);
    if (const auto c = visit(p.cells[at % page_cells], block, clock, what); c.found) result = c;
  }
  return result;
}

global_shadow::conflict global_shadow::touch_run(std::uint32_t block, block_clock& clock, std::size_t region,
                                                 std::uint64_t offset, std::uint64_t bytes, bool write) {
  conflict result;
  const std::uint64_t last = (offset + bytes - 1) >> shift_;
  for (std::uint64_t at = offset >> shift_; at <= last;) {
    auto& p = page_of(region, at / page_cells);
    spin_lock lock(single_ ? nullptr : &p.busy);
    const std::uint64_t stop = std::min(last, at / page_cells * page_cells + page_cells - 1);
    for (; at <= stop; ++at)
      if (const auto c = visit(p.cells[at % page_cells], block, clock, write ? access::write : access::read); c.found)
        result = c;
  }
  return result;
}

void global_shadow::acquire(block_clock& clock, std::uint32_t block, std::uint64_t address) {
  std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
  if (!single_) lock.lock();
  const auto at = published_.find(address);
  if (at == published_.end()) return;
  for (const auto& [other, when] : at->second)
    if (other != block) {
      auto& mine = clock.seen[other];
      mine = std::max(mine, when);
    }
}

void global_shadow::release(block_clock& clock, std::uint32_t block, std::uint64_t address) {
  if (clock.fenced == 0) return;
  std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
  if (!single_) lock.lock();
  auto& there = published_[address];
  for (const auto& [other, when] : clock.seen) {
    auto& known = there[other];
    known = std::max(known, when);
  }
  auto& own = there[block];
  own = std::max(own, clock.fenced);
}

}  // namespace sim::ptx

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
    other_readers_.assign(count, 0);
    synchronising_.clear();
    epoch_ = 0;
  }
  shift_ = shift;
  warps_ = warps;
  block_barrier();
}

void shared_shadow::partial_barrier(std::uint32_t arrived, std::uint32_t waited) {
  if (!partial_) {
    clocks_.assign(std::size_t{warps_} * warps_, 0);
    for (std::uint32_t w = 0; w < warps_; ++w) clocks_[w * warps_ + w] = 1;
    partial_ = true;
  }
  // Who waited knows what all that arrived did before; each that arrived begins a new period.
  std::vector<std::uint32_t> joined(warps_, 0);
  for (std::uint32_t w = 0; w < warps_; ++w)
    if (arrived >> w & 1)
      for (std::uint32_t k = 0; k < warps_; ++k) joined[k] = std::max(joined[k], clocks_[w * warps_ + k]);
  for (std::uint32_t w = 0; w < warps_; ++w)
    if (arrived >> w & 1) {
      if (waited >> w & 1) std::copy(joined.begin(), joined.end(), clocks_.begin() + std::ptrdiff_t(w * warps_));
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
  const std::uint32_t warp = thread / 32, partial = partial_ ? clocks_[warp * (warps_ + 1)] : 0;
  const std::uint64_t last = (offset + bytes - 1) >> shift_;
  for (std::uint64_t at = offset >> shift_; at <= last; ++at) {
    auto& c = cells_[at];
    if (c.write_epoch == epoch_ && !(what >= access::synchronising_read && c.atomic) &&
        !ordered(thread, warp_epoch, c.writer, c.write_warp_epoch, c.writer_partial))
      result = {true, true, false, c.writer};
    if (what == access::synchronising_read) {
      if (synchronising_.empty()) synchronising_.resize(cells_.size());
      synchronising_[at] = {epoch_, warp_epoch, partial, thread};
      continue;
    }
    if (what == access::read) {
      if (c.read_epoch != epoch_) {
        c.many_lanes = c.many_warps = false;
        c.reader = std::uint16_t(thread);
      } else if (c.reader / 32 != warp) {
        // The earlier reader stands for this one only if it is not ordered before it.
        if (!c.many_warps && ordered(thread, warp_epoch, c.reader, c.read_warp_epoch, c.reader_partial)) {
          c.reader = std::uint16_t(thread);
          c.many_lanes = false;
        } else {
          other_readers_[at] = (c.many_warps ? other_readers_[at] : 0) | std::uint32_t{1} << warp;
          c.many_warps = true;
          if (partial_) later_readers_[at * 32 + warp] = partial;
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
      const bool same_warp = c.reader / 32 == warp;
      const bool after_first = (c.reader == thread && !c.many_lanes) ||
                               (same_warp ? c.read_warp_epoch != warp_epoch
                                          : ordered(thread, warp_epoch, c.reader, c.read_warp_epoch, c.reader_partial));
      if (!after_first) result = {true, false, c.reader == thread, c.reader};
      const std::uint32_t all_others = c.many_warps ? other_readers_[at] & ~(std::uint32_t{1} << warp) : 0;
      for (std::uint32_t others = all_others; others != 0; others &= others - 1) {
        const auto other = std::uint32_t(std::countr_zero(others));
        std::uint32_t when = 1;
        if (const auto later = later_readers_.find(at * 32 + other); partial_ && later != later_readers_.end())
          when = later->second;
        if (!partial_ || clocks_[warp * warps_ + other] < when) result = {true, false, true, other * 32};
      }
    }
    if (!synchronising_.empty()) {
      auto& reader = synchronising_[at];
      if (what == access::write && reader.epoch == epoch_ &&
          !ordered(thread, warp_epoch, reader.thread, reader.warp_epoch, reader.partial))
        result = {true, false, false, reader.thread};
      reader.epoch = 0;
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
  if (c.writer != 0 && c.writer != self && !(synchronises && c.atomic) && !knows(c.writer, c.write_clock))
    result = {true, true, c.writer - 1};
  if (writes) {
    // Plain readers that this block has heard nothing of. A synchronising read leaves no mark.
    if (!knows(c.first_reader, 1)) result = {true, false, c.first_reader - 1};
    if (!knows(c.last_reader, 1)) result = {true, false, c.last_reader - 1};
    c.writer = self;
    // Who takes over what a synchronising write publishes has read that write, or a later one.
    c.write_clock = synchronises ? clock.fenced : clock.now;
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
    if (const auto c = visit(p.cells[at % page_cells], block, clock, what); c.found && !result.found)
      result = c, result.offset = at << shift_;
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
      if (const auto c = visit(p.cells[at % page_cells], block, clock, write ? access::write : access::read);
          c.found && !result.found)
        result = c, result.offset = at << shift_;
  }
  return result;
}

void global_shadow::acquire_fence(block_clock& clock) {
  for (const auto& [other, when] : clock.observed) {
    auto& mine = clock.seen[other];
    mine = std::max(mine, when);
  }
  clock.observed.clear();
}

void global_shadow::acquire(block_clock& clock, std::uint32_t block, std::uint64_t address, bool at_once) {
  std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
  if (!single_) lock.lock();
  const auto at = published_.find(address);
  if (at == published_.end()) return;
  for (const auto& [other, when] : at->second)
    if (other != block) {
      auto& mine = (at_once ? clock.seen : clock.observed)[other];
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

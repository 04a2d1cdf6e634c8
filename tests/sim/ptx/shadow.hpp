// SPDX-License-Identifier: Apache-2.0
// Who touched which byte last: the memory of the race checks.
//
// Shared memory: an access is ordered after an earlier one of another thread of the block if a block barrier, or a
// barrier of some warps in which the earlier one arrived and the later one waited, or (within a warp) bar.warp.sync
// lies between them. Shuffles, votes, matrix instructions and fences order nothing by themselves. Synchronising
// accesses (volatile, relaxed, acquire, release, atomic) do not race with each other.
//
// Global memory: every block has a clock that advances at its fences. A synchronising write of device scope publishes,
// at its address, what the block had fenced; a synchronising read takes that over at the block's next fence, an acquire
// at once. An access is ordered after another block's if that block's clock at the time is among what was taken over.
// Accesses race unless they are ordered, both reads, or both synchronising with a scope that holds both blocks: the
// scope of a block (.cta) does not. Blocks count as a whole: a missing barrier between the fence and the other threads
// of its block is not seen here.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace sim::ptx {

/// The last write of, and the reads since then from, a granule of shared memory. 32 bytes: the size matters for speed.
struct shared_cell {
  std::uint32_t write_epoch = 0, read_epoch = 0;  ///< block epochs, 0: never
  std::uint32_t write_warp_epoch = 0, read_warp_epoch = 0;
  std::uint16_t writer = 0, reader = 0;                  ///< threads of the block
  std::uint32_t writer_partial = 0, reader_partial = 0;  ///< the warp's own clock of partial barriers
  bool atomic = false;
  bool many_lanes = false, many_warps = false;  ///< more readers than the one named
};
static_assert(sizeof(shared_cell) == 32);

/// The last synchronising read of a granule since its last write.
struct synchronising_reader {
  std::uint32_t epoch = 0, warp_epoch = 0, partial = 0, thread = 0;
};

class shared_shadow {
 public:
  enum class access : unsigned char { read, write, synchronising_read, atomic };
  struct conflict {
    bool found = false, with_write = false;
    bool some_lane = false;   ///< `other` stands for its warp: which of its lanes is not known
    std::uint32_t other = 0;  ///< thread
  };

  /// A new block: forgets without touching the cells.
  void begin(std::size_t bytes, unsigned granule, std::uint32_t warps);
  void block_barrier() {
    ++epoch_;
    if (partial_) later_readers_.clear();
    partial_ = false;
  }
  /// Warps that arrived and those of them that waited, as masks.
  void partial_barrier(std::uint32_t arrived, std::uint32_t waited);
  conflict touch(std::uint32_t thread, std::uint32_t warp_epoch, std::uint64_t offset, unsigned bytes, access what) {
    // Mostly a read of one granule that nobody wrote since the last barrier and that this warp has read already.
    if (what == access::read && bytes >> shift_ == 1) {
      auto& c = cells_[offset >> shift_];
      if (c.write_epoch != epoch_ && c.read_epoch == epoch_ && c.reader / 32 == thread / 32 &&
          c.read_warp_epoch == warp_epoch) {
        c.many_lanes = c.many_lanes || c.reader != thread;
        return {};
      }
    }
    return touch_slowly(thread, warp_epoch, offset, bytes, what);
  }

 private:
  conflict touch_slowly(std::uint32_t thread, std::uint32_t warp_epoch, std::uint64_t offset, unsigned bytes,
                        access what);
  bool ordered(std::uint32_t thread, std::uint32_t warp_epoch, std::uint32_t other, std::uint32_t other_warp_epoch,
               std::uint32_t other_partial) const;

  std::vector<shared_cell> cells_;
  std::vector<std::uint32_t> other_readers_;         ///< by cell, with many_warps: the other warps, a bit each
  std::vector<synchronising_reader> synchronising_;  ///< by cell; empty until there is one
  unsigned shift_ = 0;
  std::uint32_t epoch_ = 1, warps_ = 0;
  bool partial_ = false;
  std::vector<std::uint32_t> clocks_;  ///< [warp][warp]: what each warp has seen of the others, in this block epoch
  /// [cell x 32 + warp]: the clock of a reader among other_readers_, when it is no longer its first.
  std::unordered_map<std::uint64_t, std::uint32_t> later_readers_;
};

/// What a block knows of the others. Clocks begin at 1.
struct block_clock {
  std::uint32_t now = 1, fenced = 0;
  std::unordered_map<std::uint32_t, std::uint32_t> seen;      ///< taken over
  std::unordered_map<std::uint32_t, std::uint32_t> observed;  ///< read, but no fence came after
};

class global_shadow {
 public:
  enum class access : unsigned char { read, write, synchronising_read, synchronising_write, atomic };
  struct conflict {
    bool found = false, with_write = false;
    std::uint32_t other = 0;   ///< block
    std::uint64_t offset = 0;  ///< of the first byte in question, in the region
  };

  /// @param bytes the size of each region. @param granule bytes to a cell. @param single only one OS thread will call.
  global_shadow(const std::vector<std::size_t>& bytes, unsigned granule, bool single);
  conflict touch(std::uint32_t block, block_clock& clock, std::size_t region, std::uint64_t offset, unsigned bytes,
                 access what);
  /// One contiguous access of a whole warp: the granules of [offset, offset + bytes).
  conflict touch_run(std::uint32_t block, block_clock& clock, std::size_t region, std::uint64_t offset,
                     std::uint64_t bytes, bool write);
  /// What the block did is ready to be published by its next synchronising write.
  static void release_fence(block_clock& clock) { clock.fenced = clock.now++; }
  /// What the block's synchronising reads observed is taken over.
  static void acquire_fence(block_clock& clock);
  /// A synchronising read: `at_once` where it is an acquire itself.
  void acquire(block_clock& clock, std::uint32_t block, std::uint64_t address, bool at_once);
  void release(block_clock& clock, std::uint32_t block, std::uint64_t address);

 private:
  struct cell {
    std::uint32_t writer = 0, write_clock = 0;  ///< block + 1; 0: none
    std::uint32_t first_reader = 0, last_reader = 0;
    bool atomic = false;
  };
  static constexpr std::size_t page_cells = 1024;
  struct page {
    std::atomic_flag busy = ATOMIC_FLAG_INIT;
    cell cells[page_cells];
  };
  page& page_of(std::size_t region, std::size_t number);
  conflict visit(cell& c, std::uint32_t block, block_clock& clock, access what);

  unsigned shift_ = 0;
  bool single_ = false;
  std::vector<std::unique_ptr<std::atomic<page*>[]>> pages_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<page>> owned_;
  std::unordered_map<std::uint64_t, std::unordered_map<std::uint32_t, std::uint32_t>> published_;  ///< by address
};

}  // namespace sim::ptx

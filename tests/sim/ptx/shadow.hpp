// SPDX-License-Identifier: Apache-2.0
// Who touched which byte last: the memory of the race checks.
//
// Shared memory: an access is ordered after an earlier one of another thread of the block if a block barrier, or a
// barrier of some warps that both took part in, or (within a warp) a warp-wide synchronisation lies between them.
//
// Global memory: every block has a clock that advances at its fences. A synchronising store (volatile, relaxed,
// release, atomic) publishes, at its address, what the block had fenced; a synchronising load takes over what its
// address publishes. An access is ordered after another block's if that block's clock at the time is among what was
// taken over. A plain read and an
// atomic or volatile write do not race. Blocks count as a whole: a missing barrier between the fence and the other
// threads of its block is not seen here.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace sim::ptx {

/// The last write of, and the reads since then from, a granule of shared memory.
struct shared_cell {
  std::uint32_t write_epoch = 0, read_epoch = 0;  ///< block epochs, 0: never
  std::uint32_t write_warp_epoch = 0, read_warp_epoch = 0;
  std::uint16_t writer = 0, reader = 0;                  ///< threads of the block
  std::uint32_t writer_partial = 0, reader_partial = 0;  ///< the warp's own clock of partial barriers
  bool atomic = false;
  bool many_lanes = false, many_warps = false;  ///< more readers than the one named
};

class shared_shadow {
 public:
  enum class access : unsigned char { read, write, atomic };
  struct conflict {
    bool found = false, with_write = false;
    std::uint32_t other = 0;  ///< thread
  };

  /// A new block: forgets without touching the cells.
  void begin(std::size_t bytes, unsigned granule, std::uint32_t warps);
  void block_barrier() { ++epoch_, partial_ = false; }
  /// Warps that took part, as a mask.
  void partial_barrier(std::uint32_t participants);
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
  unsigned shift_ = 0;
  std::uint32_t epoch_ = 1, warps_ = 0;
  bool partial_ = false;
  std::vector<std::uint32_t> clocks_;  ///< [warp][warp]: what each warp has seen of the others, in this block epoch
};

/// What a block knows of the others. Clocks begin at 1.
struct block_clock {
  std::uint32_t now = 1, fenced = 0;
  std::unordered_map<std::uint32_t, std::uint32_t> seen;
};

class global_shadow {
 public:
  enum class access : unsigned char { read, write, synchronising_read, synchronising_write, atomic };
  struct conflict {
    bool found = false, with_write = false;
    std::uint32_t other = 0;  ///< block
  };

  /// @param bytes the size of each region. @param granule bytes to a cell. @param single only one OS thread will call.
  global_shadow(const std::vector<std::size_t>& bytes, unsigned granule, bool single);
  conflict touch(std::uint32_t block, block_clock& clock, std::size_t region, std::uint64_t offset, unsigned bytes,
                 access what);
  /// One contiguous access of a whole warp: the granules of [offset, offset + bytes).
  conflict touch_run(std::uint32_t block, block_clock& clock, std::size_t region, std::uint64_t offset,
                     std::uint64_t bytes, bool write);
  static void fence(block_clock& clock) { clock.fenced = clock.now++; }
  void acquire(block_clock& clock, std::uint32_t block, std::uint64_t address);
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

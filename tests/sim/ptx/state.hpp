// SPDX-License-Identifier: Apache-2.0
// What changes while a kernel runs: warps with their groups of lanes, blocks, one worker an OS thread, and the launch.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "instruction.hpp"
#include "machine.hpp"
#include "shadow.hpp"

namespace sim::ptx {

struct block_state;
struct worker;
struct launch_state;

constexpr std::uint64_t poll_limit = 64;

enum class waiting : std::uint8_t { ready, lanes, barrier };

/// Lanes of one warp that stand at the same instruction.
struct group {
  std::uint32_t pc = 0, mask = 0;
  std::uint16_t depth = 0;  ///< of calls
  waiting state = waiting::ready;
  std::uint8_t barrier = 0;
  bool forced = false;       ///< execute a warp-wide instruction although lanes are missing
  bool any_place = false;    ///< bar.warp.sync: lanes may meet at different instructions
  std::uint32_t needed = 0;  ///< lanes that a warp-wide instruction names
  std::uint64_t last_run = 0;
};

struct async_copy {
  std::uint32_t lane = 0, shared_offset = 0, bytes = 0, group = 0;
  std::array<std::byte, 16> data{};
};

struct warp {
  std::byte* banks[4] = {};
  std::uint32_t pc = 0, active = 0;  ///< the running group
  std::uint16_t depth = 0;
  bool forced = false;
  std::uint32_t carry = 0;    ///< CC.CF, a bit a lane
  std::uint32_t present = 0;  ///< lanes that the block has
  std::uint32_t exited = 0;
  std::uint32_t index = 0;
  std::uint32_t sync_epoch = 1;  ///< counts what orders the lanes of the warp: barriers of the warp and the block
  std::uint32_t waited = 0;      ///< lanes past griddepcontrol.wait
  std::uint64_t issued = 0;      ///< warp instructions; the clock
  std::byte* local = nullptr;    ///< lane-major
  std::size_t local_bytes = 0, local_stride = 0, register_bytes = 0;
  std::vector<group> groups;  ///< all but the running one
  std::array<std::uint32_t, lanes> async_group{};
  std::vector<async_copy> pending;
  std::int64_t fuel = 0;  ///< instructions left in this turn
  block_state* block = nullptr;
  worker* work = nullptr;
  launch_state* launch = nullptr;

  template <class T>
  T* at(operand o) {
    return reinterpret_cast<T*>(banks[o.where()] + o.offset());
  }
  bool done() const { return exited == present; }
};

struct barrier_state {
  std::uint32_t arrived = 0, expected = 0;     ///< threads; expected 0: all of the block
  std::uint32_t participants = 0, waited = 0;  ///< warps; waited: with bar.sync or bar.red
  bool arrivals_only = false;                  ///< some with bar.arrive
  bool all_true = true, any_true = false;      ///< barrier.red
  std::uint32_t count_true = 0;
};

struct block_state {
  std::uint64_t linear = 0;
  std::array<unsigned, 3> index{};
  std::vector<warp> warps;
  std::vector<std::byte> storage;    ///< registers, local memory, thread coordinates of all warps
  std::byte* coordinates = nullptr;  ///< bank::block
  std::vector<std::byte> shared;
  std::vector<std::uint64_t> shared_written;
  std::vector<std::uint64_t> shared_in_flight;  ///< bytes that a cp.async still writes
  std::uint64_t copies_in_flight = 0;
  shared_shadow races;
  std::array<barrier_state, 16> barriers{};
  std::uint32_t threads = 0, exited = 0;
  bool partial_barriers = false;
  std::uint64_t polls = 0;  ///< synchronising reads of global memory since the block last changed it
  std::string printed;
  block_clock clock;  ///< order among the blocks of the launch
};

/// The bytes of one allocation, as a launch sees them.
struct region {
  std::uint64_t begin = 0, end = 0;
  std::byte* data = nullptr;
  std::uint64_t* written = nullptr;
  bool read_only = false;
  std::size_t index = 0;
};

struct touched {
  std::unique_ptr<std::uint64_t[]> read, written;
};

struct worker {
  launch_state* launch = nullptr;
  counters counts;
  std::array<std::uint64_t, instruction_kinds + 1> thread_counts{}, warp_counts{};
  std::vector<touched> touches;  ///< by region index
  const region* last = nullptr;
  std::uint64_t changes = 0;    ///< stores and atomics, for the detection of a standstill
  std::uint64_t not_begun = 0;  ///< blocks of a communicating launch that have no place yet
  bool waited = false;          ///< a thread executed griddepcontrol.wait
  std::vector<std::unique_ptr<block_state>> idle;
};

struct launch_state {
  const program* code = nullptr;
  const kernel* entry = nullptr;
  const launch* how = nullptr;
  memory* device = nullptr;
  std::vector<std::byte> parameters;
  std::vector<std::shared_ptr<const allocation>> holders;
  std::vector<region> regions;  ///< by address
  std::unique_ptr<global_shadow> races;
  std::vector<range> in_flight_writes, in_flight_reads;    ///< sorted, disjoint
  std::vector<range> outlasting_writes, outlasting_reads;  ///< sorted, disjoint: griddepcontrol.wait does not end them
  std::size_t dynamic_shared = 0;
  std::uint32_t block_threads = 0;
  bool initialised = false, shared_races = false, global_races = false, barriers = false, shuffles = false,
       async_copies = false, dependent = false, traffic = false;
  std::atomic<bool> ended{false};  ///< a trap: every block stops
  std::atomic<bool> trapped{false};

  std::mutex mutex;  ///< of what follows
  report result;
  std::map<std::uint64_t, std::string> printed;  ///< by block

  const region* find(std::uint64_t address) const;
};

/// Records a fault of `lane`; one for each kind and PTX line is kept.
void raise(warp& w, const instruction& i, unsigned lane, fault_kind kind, std::uint64_t address, std::string message);
void raise_at(warp& w, std::uint32_t pc, unsigned lane, fault_kind kind, std::uint64_t address, std::string message);
std::array<unsigned, 3> thread_index(const launch_state& l, std::uint32_t linear);

/// Of the lanes `mask` of the running group those whose member mask (`members`) equals the first one's: they run on,
/// the others come later. A lane that its own mask leaves out is a fault.
std::uint32_t same_members(warp& w, const instruction& i, std::uint32_t mask, operand members);
/// A warp-wide instruction that lanes `mask` of the running group execute and that names the lanes `needed`. True: all
/// of them that have not left are here, and are now the running group. False: the running group waits, return
/// flow::stop.
bool gather(warp& w, std::uint32_t mask, std::uint32_t needed);
/// bar.warp.sync: like gather, but lanes may wait at different instructions.
bool meet(warp& w, std::uint32_t mask, std::uint32_t needed);
/// What a handler returns after gather or meet: on to the next instruction.
inline flow gathered(warp& w) {
  ++w.pc;
  return flow::jump;
}
/// The lanes `mask` of the running group have reached barrier `id` of `expected` threads, 0 for all of the block.
flow arrive(warp& w, std::uint32_t mask, unsigned id, std::uint32_t expected, bool wait);
/// The lanes `mask` of the running group leave the kernel.
flow leave(warp& w, std::uint32_t mask);
/// The running group goes to several places: `to[lane]` for its lanes.
flow scatter(warp& w, const std::uint32_t* to, int depth_change);
/// Ends the launch: a trap.
flow end_launch(warp& w);
/// A synchronising read of global memory, perhaps part of a spin: after some without a change, another block gets its
/// turn.
inline void poll(warp& w) {
  if (++w.block->polls > poll_limit) w.fuel = 1;
}

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
// Runs warps, blocks and launches.
//
// A warp runs the group of lanes that is deepest in calls and, among those, first in the code; groups that meet become
// one. After a turn cut short the group that has waited longest goes first, so that a lane that spins cannot starve the
// one it waits for. Blocks that spin on each other take turns in the same way.
#include <algorithm>
#include <bit>
#include <cstring>
#include <exception>
#include <thread>

#include "decode.hpp"
#include "state.hpp"

namespace sim {
namespace ptx {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr std::int64_t warp_turn = 1 << 14, fair_turn = 256;
constexpr unsigned multiprocessors = 132;
constexpr std::size_t largest_shared = 227 * 1024;

u32 next_group_pc(const warp& w) {
  u32 first = ~u32{0};
  for (const auto& g : w.groups)
    if (g.state == waiting::ready && g.depth == w.depth) first = std::min(first, g.pc);
  return first;
}

bool choose_group(warp& w, bool fair) {
  std::size_t best = w.groups.size();
  for (std::size_t k = 0; k < w.groups.size(); ++k) {
    const auto& g = w.groups[k];
    if (g.state != waiting::ready) continue;
    if (best == w.groups.size()) {
      best = k;
      continue;
    }
    const auto& b = w.groups[best];
    if (fair ? g.last_run < b.last_run : g.depth != b.depth ? g.depth > b.depth : g.pc < b.pc) best = k;
  }
  if (best == w.groups.size()) return false;
  const group chosen = w.groups[best];
  w.groups.erase(w.groups.begin() + std::ptrdiff_t(best));
  w.pc = chosen.pc;
  w.active = chosen.mask;
  w.depth = chosen.depth;
  w.forced = chosen.forced;
  return true;
}

void put_back(warp& w) {
  group g;
  g.pc = w.pc;
  g.mask = w.active;
  g.depth = w.depth;
  g.last_run = w.issued;
  w.groups.push_back(g);
  w.active = 0;
}

void join_groups(warp& w) {
  std::erase_if(w.groups, [&](const group& g) {
    if (g.state != waiting::ready || g.pc != w.pc || g.depth != w.depth) return false;
    w.active |= g.mask;
    return true;
  });
}

/// Runs until every lane waits or has left, or the turn is over.
void run_warp(warp& w) {
  const instruction* const code = w.launch->code->code.data();
  auto& threads = w.work->thread_counts;
  auto& warps = w.work->warp_counts;
  bool fair = w.fuel < 0;  // the turn before was cut short
  w.fuel = fair ? fair_turn : warp_turn;
  while (choose_group(w, fair)) {
    if (!fair) join_groups(w);
    u32 stop = fair ? ~u32{0} : next_group_pc(w);
    while (true) {
      const instruction& i = code[w.pc];
      u32 mask = w.active;
      if (i.guarded) {
        const u32 p = *w.at<u32>(i.predicate);
        mask &= i.negated ? ~p : p;
      }
      ++w.issued;
      ++warps[i.kind];
      threads[i.kind] += unsigned(std::popcount(mask));
      const flow f = mask == 0 ? flow::next : i.execute(w, i, mask);
      if (f == flow::next) {
        ++w.pc;
      } else if (f == flow::stop) {
        break;
      } else {
        stop = fair ? ~u32{0} : next_group_pc(w);
      }
      if (w.pc >= stop) {
        if (w.pc == stop) {
          join_groups(w);
          stop = next_group_pc(w);
        } else {
          put_back(w);
          break;
        }
      }
      if (--w.fuel <= 0) {
        put_back(w);
        if (w.groups.size() > 1) w.fuel = fair ? 0 : -1;
        return;
      }
    }
    if (w.launch->ended) return;
  }
  w.fuel = 0;
}

enum class turn { finished, polled };

/// No warp of the block can go on: says so and lets it end.
void resolve_standstill(block_state& block) {
  for (auto& w : block.warps)
    for (auto& g : w.groups)
      if (g.state == waiting::lanes) {
        const u32 missing = g.needed & ~g.mask;
        if (w.launch->shuffles) {
          char text[32];
          std::snprintf(text, sizeof text, "%#x", missing);
          raise_at(w, g.any_place ? g.pc - 1 : g.pc, unsigned(std::countr_zero(g.mask)), fault_kind::inactive_lane, 0,
                   std::string("lanes ") + text + " are named, but wait elsewhere and cannot come");
        }
        g.state = waiting::ready;
        g.forced = !g.any_place;
        return;
      }
  u32 waiting_threads = 0, first = ~u32{0};
  bool several = false;
  warp* where = nullptr;
  const group* at = nullptr;
  for (auto& w : block.warps)
    for (const auto& g : w.groups)
      if (g.state == waiting::barrier) {
        waiting_threads += u32(std::popcount(g.mask));
        if (first == ~u32{0}) first = g.pc, where = &w, at = &g;
        several = several || g.pc != first;
      }
  if (where != nullptr)
    raise_at(*where, at->pc - 1, unsigned(std::countr_zero(at->mask)),
             several ? fault_kind::barrier_divergence : fault_kind::deadlock, 0,
             several ? "threads of the block wait at different barriers for each other"
                     : std::to_string(waiting_threads) + " of " + std::to_string(block.threads) +
                           " threads wait here, and the others have left");
  for (auto& w : block.warps) {
    block.exited += u32(std::popcount(w.present & ~w.exited));
    w.exited = w.present;
    w.groups.clear();
  }
}

void end_spin(block_state& block) {
  auto& launch = *block.warps[0].launch;
  for (auto& w : block.warps)
    for (const auto& g : w.groups)
      if (g.state == waiting::ready) {
        raise_at(w, g.pc, unsigned(std::countr_zero(g.mask)), fault_kind::deadlock, 0,
                 "the kernel spins: " + std::to_string(launch.how->spin_limit) +
                     " warp instructions passed without a store, a changed atomic or a finished block");
        launch.ended = true;
        return;
      }
  launch.ended = true;
}

/// Warp instructions since something changed.
struct stillness {
  u64 changes = 0, passed = 0;
  bool add(const worker& work, u64 issued) {
    if (work.changes != changes) changes = work.changes, passed = 0;
    passed += issued;
    return passed > work.launch->how->spin_limit;
  }
};

turn run_block(worker& work, block_state& block, stillness& still) {
  auto& launch = *work.launch;
  block.polls = 0;
  while (true) {
    u64 issued = 0;
    bool all_done = true;
    for (auto& w : block.warps) {
      if (w.done()) continue;
      const u64 before = w.issued;
      run_warp(w);
      issued += w.issued - before;
      if (launch.ended) return turn::finished;
      all_done = all_done && w.done();
    }
    if (all_done) return turn::finished;
    if (still.add(work, issued)) {
      end_spin(block);
      return turn::finished;
    }
    if (launch.code->communicates && block.polls > poll_limit) return turn::polled;
    if (issued == 0) resolve_standstill(block);
  }
}

std::unique_ptr<block_state> make_block(worker& work) {
  auto& launch = *work.launch;
  const auto& code = *launch.code;
  if (!work.idle.empty()) {
    auto reused = std::move(work.idle.back());
    work.idle.pop_back();
    return reused;
  }
  auto block = std::make_unique<block_state>();
  const dim& size = launch.how->block;
  block->threads = launch.block_threads;
  const std::size_t warps = (block->threads + lanes - 1) / lanes;
  const std::size_t registers = (code.register_bytes + 63) / 64 * 64;
  const std::size_t local_stride = (code.local_bytes + 15) / 16 * 16;
  const std::size_t local = (local_stride * lanes + 63) / 64 * 64;
  const std::size_t coordinate_bytes = thread_coordinates * 256;
  block->storage.resize(block_coordinates * 256 + warps * (registers + local + coordinate_bytes) + 64);
  auto* at = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(block->storage.data()) + 63) &
                                          ~std::uintptr_t{63});
  block->coordinates = at;
  at += block_coordinates * 256;
  block->warps.resize(warps);
  for (std::size_t k = 0; k < warps; ++k) {
    auto& w = block->warps[k];
    w.index = u32(k);
    w.block = block.get();
    w.work = &work;
    w.launch = &launch;
    w.present = block->threads - k * lanes >= lanes ? all_lanes : (u32{1} << (block->threads - k * lanes)) - 1;
    w.banks[unsigned(bank::registers)] = at;
    at += registers;
    w.local = at;
    w.local_bytes = code.local_bytes;
    w.local_stride = local_stride;
    at += local;
    w.banks[unsigned(bank::thread)] = at;
    at += coordinate_bytes;
    w.banks[unsigned(bank::constants)] = const_cast<std::byte*>(code.constants_begin());
    w.banks[unsigned(bank::block)] = block->coordinates;
    for (unsigned l = 0; l < lanes; ++l) {
      const u32 linear = u32(k * lanes + l);
      const u32 values[] = {linear % size.x,
                            linear / size.x % size.y,
                            linear / size.x / size.y,
                            l,
                            u32(k),
                            u32{1} << l,
                            (u32{2} << l) - 1,
                            (u32{1} << l) - 1,
                            ~((u32{1} << l) - 1),
                            ~((u32{2} << l) - 1)};
      for (std::size_t v = 0; v < std::size(values); ++v)
        std::memcpy(w.banks[unsigned(bank::thread)] + v * 256 + l * 4, &values[v], 4);
    }
  }
  block->shared.resize(code.shared_bytes + launch.dynamic_shared);
  block->shared_written.resize(block->shared.size() / 64 + 1);
  block->shared_in_flight.resize(block->shared.size() / 64 + 1);
  return block;
}

void begin_block(block_state& block, u64 linear, launch_state& launch) {
  const dim& grid = launch.how->grid;
  block.linear = linear;
  block.index = {unsigned(linear % grid.x), unsigned(linear / grid.x % grid.y), unsigned(linear / grid.x / grid.y)};
  const dim& size = launch.how->block;
  const u32 values[] = {block.index[0],
                        block.index[1],
                        block.index[2],
                        grid.x,
                        grid.y,
                        grid.z,
                        size.x,
                        size.y,
                        size.z,
                        u32(linear % multiprocessors),
                        multiprocessors,
                        64,
                        0,
                        u32(launch.dynamic_shared),
                        u32(block.shared.size()),
                        0};
  for (std::size_t v = 0; v < std::size(values); ++v) {
    auto* at = reinterpret_cast<u32*>(block.coordinates + v * 256);
    std::fill(at, at + (v == 12 ? 64 : 32), values[v]);
  }
  std::fill(block.shared_written.begin(), block.shared_written.end(), 0);
  std::fill(block.shared_in_flight.begin(), block.shared_in_flight.end(), 0);
  if (launch.shared_races) block.races.begin(block.shared.size(), launch.code->shared_granule, u32(block.warps.size()));
  block.copies_in_flight = 0;
  block.barriers = {};
  block.exited = 0;
  block.printed.clear();
  block.clock = {};
  for (auto& w : block.warps) {
    w.exited = 0;
    w.active = 0;
    w.depth = 0;
    w.forced = false;
    w.carry = 0;
    w.sync_epoch = 1;
    w.waited = 0;
    w.issued = 0;
    w.fuel = 0;
    w.async_group = {};
    w.pending.clear();
    group all;
    all.mask = w.present;
    w.groups.assign(1, all);
  }
}

void end_block(std::unique_ptr<block_state> block, worker& work) {
  auto& launch = *work.launch;
  if (!block->printed.empty()) {
    std::lock_guard lock(launch.mutex);
    launch.printed[block->linear] = std::move(block->printed);
  }
  work.idle.push_back(std::move(block));
}

/// Blocks one after the other, each to its end; several workers share them out.
void run_independent(worker& work, std::atomic<u64>& next) {
  auto& launch = *work.launch;
  const u64 count = launch.how->grid.size();
  stillness still;
  for (u64 k = next++; k < count && !launch.ended; k = next++) {
    auto block = make_block(work);
    begin_block(*block, k, launch);
    still.passed = 0;
    run_block(work, *block, still);
    end_block(std::move(block), work);
  }
}

/// Blocks that may wait for each other: one that polls gives way, and new ones begin when those that have begun get
/// nowhere.
void run_communicating(worker& work) {
  auto& launch = *work.launch;
  const u64 count = launch.how->grid.size();
  u64 next = 0;
  std::vector<std::unique_ptr<block_state>> resident;
  stillness still;
  while ((next < count || !resident.empty()) && !launch.ended) {
    bool finished = false;
    for (auto& block : resident) {
      if (run_block(work, *block, still) == turn::finished) {
        end_block(std::move(block), work);
        finished = true;
        still.passed = 0;
        if (launch.ended) return;
      }
    }
    std::erase(resident, nullptr);
    if (finished) continue;
    // As many again as there are: a barrier of the whole grid is reached in few rounds.
    for (u64 begin = std::max<u64>(1, resident.size()); begin > 0 && next < count && !launch.ended; --begin) {
      auto block = make_block(work);
      begin_block(*block, next++, launch);
      if (run_block(work, *block, still) == turn::finished) {
        end_block(std::move(block), work);
        still.passed = 0;
      } else {
        resident.push_back(std::move(block));
      }
    }
  }
}

void add(global_traffic& to, const global_traffic& from) {
  to.requests += from.requests;
  to.sectors += from.sectors;
  to.requested_bytes += from.requested_bytes;
  to.useful_bytes += from.useful_bytes;
}

void collect(launch_state& launch, std::vector<worker>& workers) {
  auto& total = launch.result.counts;
  for (auto& work : workers) {
    for (std::size_t k = 0; k < instruction_kinds; ++k) {
      total.thread_instructions[k] += work.thread_counts[k];
      total.warp_instructions[k] += work.warp_counts[k];
    }
    add(total.loads, work.counts.loads);
    add(total.stores, work.counts.stores);
    total.atomics += work.counts.atomics;
    for (std::size_t k = 0; k < total.load_widths.size(); ++k) {
      total.load_widths[k] += work.counts.load_widths[k];
      total.store_widths[k] += work.counts.store_widths[k];
    }
    total.shared_requests += work.counts.shared_requests;
    total.bank_conflicts += work.counts.bank_conflicts;
    total.local_accesses += work.counts.local_accesses;
    total.barriers += work.counts.barriers;
    total.divergent_branches += work.counts.divergent_branches;
  }
  if (!launch.traffic) return;
  const auto gather_bits = [&](const region& where, auto member, std::vector<range>& ranges) {
    const u64 words = (where.end - where.begin) / 64 + 1;
    u64 bytes = 0;
    bool any = false;
    for (const auto& work : workers) any = any || (work.touches[where.index].*member) != nullptr;
    if (!any) return bytes;
    const auto extend = [&](u64 begin, u64 end) {
      if (!ranges.empty() && ranges.back().end == begin)
        ranges.back().end = end;
      else
        ranges.push_back({begin, end});
    };
    for (u64 k = 0; k < words; ++k) {
      u64 bits = 0;
      for (const auto& work : workers)
        if (const auto& have = work.touches[where.index].*member) bits |= have[k];
      bytes += u64(std::popcount(bits));
      const u64 base = where.begin + k * 64;
      while (bits != 0) {
        const auto first = u64(std::countr_zero(bits));
        const auto length = u64(std::countr_one(bits >> first));
        extend(base + first, base + first + length);
        if (first + length >= 64) break;
        bits &= ~u64{0} << (first + length);
      }
    }
    return bytes;
  };
  for (const auto& where : launch.regions) {
    touched_bytes t;
    t.read = gather_bits(where, &touched::read, launch.result.read);
    t.written = gather_bits(where, &touched::written, launch.result.written);
    if (t.read == 0 && t.written == 0) continue;
    total.loads.distinct_bytes += t.read;
    total.stores.distinct_bytes += t.written;
    total.allocations.emplace(where.begin, t);
  }
}

void check_launch(const kernel& entry, const launch& how, const program& code, std::size_t parameter_bytes) {
  const auto bad = [&](const std::string& why) { throw error("sim: launch of " + entry.name + ": " + why); };
  const dim &g = how.grid, &b = how.block;
  if (g.size() == 0 || b.size() == 0) bad("the grid and the block need at least one element");
  if (b.size() > 1024 || b.x > 1024 || b.y > 1024 || b.z > 64)
    bad("a block of " + std::to_string(b.x) + "x" + std::to_string(b.y) + "x" + std::to_string(b.z) +
        " threads is too large (1024 in all, 1024x1024x64)");
  if (g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535) bad("the grid is larger than 2147483647x65535x65535");
  if (entry.max_threads != 0 && b.size() > entry.max_threads)
    bad(std::to_string(b.size()) + " threads are more than its launch bound of " + std::to_string(entry.max_threads));
  if (entry.required_threads[0] != 0 && entry.required_threads != std::array<unsigned, 3>{b.x, b.y, b.z})
    bad("the block differs from its .reqntid");
  if (code.shared_bytes + how.dynamic_shared_bytes > largest_shared)
    bad(std::to_string(code.shared_bytes + how.dynamic_shared_bytes) + " bytes of shared memory are more than " +
        std::to_string(largest_shared));
  if (parameter_bytes < entry.parameter_bytes)
    bad(std::to_string(parameter_bytes) + " parameter bytes came, " + std::to_string(entry.parameter_bytes) +
        " are expected");
}

}  // namespace

const region* launch_state::find(std::uint64_t address) const {
  const auto after = std::upper_bound(regions.begin(), regions.end(), address,
                                      [](std::uint64_t a, const region& r) { return a < r.begin; });
  if (after == regions.begin()) return nullptr;
  const auto& candidate = *std::prev(after);
  return address < candidate.end ? &candidate : nullptr;
}

std::array<unsigned, 3> thread_index(const launch_state& l, std::uint32_t linear) {
  const dim& b = l.how->block;
  return {linear % b.x, linear / b.x % b.y, linear / b.x / b.y};
}

void raise(warp& w, const instruction& i, unsigned lane, fault_kind kind, std::uint64_t address, std::string message) {
  auto& launch = *w.launch;
  const auto& from = launch.code->sources[i.source];
  std::lock_guard lock(launch.mutex);
  auto& all = launch.result.faults;
  const bool known =
      std::any_of(all.begin(), all.end(), [&](const fault& f) { return f.kind == kind && f.line == from.line; });
  if (known || all.size() >= 16) {
    ++launch.result.faults_left_out;
    return;
  }
  all.push_back({kind, launch.entry->name, from.line, std::string(from.text), w.block->index,
                 thread_index(launch, w.index * lanes + lane), address, std::move(message)});
}

void raise_at(warp& w, std::uint32_t pc, unsigned lane, fault_kind kind, std::uint64_t address, std::string message) {
  raise(w, w.launch->code->code[pc], lane, kind, address, std::move(message));
}

}  // namespace ptx

report run(const module& code, const kernel& entry, const launch& how, std::span<const std::byte> parameters,
           memory& device) {
  using namespace ptx;
  code.load(device);
  const auto decoded = code.inside()->program_of(entry, device);
  check_launch(entry, how, *decoded, parameters.size());
  launch_state launch;
  launch.code = decoded.get();
  launch.entry = &entry;
  launch.how = &how;
  launch.device = &device;
  launch.parameters.assign(parameters.begin(), parameters.begin() + std::ptrdiff_t(entry.parameter_bytes));
  launch.dynamic_shared = how.dynamic_shared_bytes;
  launch.block_threads = u32(how.block.size());
  launch.initialised = has(how.which, checks::initialised);
  launch.shared_races = has(how.which, checks::shared_races);
  launch.global_races = has(how.which, checks::global_races) && how.grid.size() > 1;
  launch.barriers = has(how.which, checks::barriers);
  launch.shuffles = has(how.which, checks::shuffles);
  launch.async_copies = has(how.which, checks::async_copies);
  launch.dependent =
      has(how.which, checks::dependent_reads) && !(how.in_flight_writes.empty() && how.in_flight_reads.empty());
  launch.traffic = has(how.which, checks::traffic);
  launch.printed.resize(how.grid.size());
  launch.holders = device.snapshot();
  std::vector<std::size_t> sizes;
  for (const auto& held : launch.holders) {
    launch.regions.push_back({held->address, held->address + held->bytes, held->data, held->written.get(),
                              held->read_only, launch.regions.size()});
    sizes.push_back(held->bytes);
  }
  const unsigned threads =
      decoded->communicates ? 1 : unsigned(std::min<u64>(std::max(1u, how.threads), how.grid.size()));
  if (launch.global_races) launch.races = std::make_unique<global_shadow>(sizes, decoded->global_granule, threads == 1);
  std::vector<worker> workers(threads);
  for (auto& work : workers) {
    work.launch = &launch;
    work.touches.resize(launch.regions.size());
  }
  std::atomic<u64> next{0};
  if (decoded->communicates) {
    run_communicating(workers[0]);
  } else {
    std::vector<std::thread> others;
    std::vector<std::exception_ptr> failures(threads);
    const auto body = [&](unsigned k) {
      try {
        run_independent(workers[k], next);
      } catch (...) {
        failures[k] = std::current_exception();
        launch.ended = true;
      }
    };
    for (unsigned k = 1; k < threads; ++k) others.emplace_back(body, k);
    body(0);
    for (auto& other : others) other.join();
    for (const auto& failure : failures)
      if (failure) std::rethrow_exception(failure);
  }
  collect(launch, workers);
  launch.result.trapped = launch.trapped;
  for (auto& text : launch.printed) launch.result.printed += text;
  return std::move(launch.result);
}

}  // namespace sim

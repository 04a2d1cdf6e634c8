// SPDX-License-Identifier: Apache-2.0
// Runs warps, blocks and launches.
//
// A warp runs the group of lanes that is deepest in calls and, among those, first in the code; groups that meet become
// one. After a turn cut short the group that has waited longest goes first, so that a lane that spins cannot starve the
// one it waits for. Blocks that spin on each other take turns in the same way.
#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <random>

#include "scheduler.hpp"

namespace sim::ptx {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

/// Warp instructions after which a block gives way that seems to get on: it may spin in a way that looks like work.
constexpr u64 block_turn = 4'000'000;
constexpr std::int64_t warp_turn = 1 << 14, fair_turn = 256;

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
  const u64 left = block.warps[0].work->not_begun;
  for (auto& w : block.warps)
    for (const auto& g : w.groups)
      if (g.state == waiting::ready) {
        raise_at(w, g.pc, unsigned(std::countr_zero(g.mask)), fault_kind::deadlock, 0,
                 "the kernel spins: " + std::to_string(launch.how->spin_limit) +
                     " warp instructions passed without a store, a changed atomic or a finished block" +
                     (left == 0 ? ""
                                : "; " + std::to_string(left) + " of " + std::to_string(launch.how->grid.size()) +
                                      " blocks wait for a place, as the device holds " +
                                      std::to_string(launch.how->resident_blocks) + " at once"));
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
  u64 in_turn = 0;
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
    in_turn += issued;
    if (launch.code->communicates && (block.polls > poll_limit || in_turn > block_turn)) return turn::polled;
    if (issued == 0) resolve_standstill(block);
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

}  // namespace

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

namespace {

/// k -> (factor k + first) mod count, a permutation of the blocks; the identity for seed 0.
class block_order {
 public:
  block_order(u64 count, u64 seed) : count_(count) {
    if (seed == 0 || count < 2) return;
    std::mt19937_64 random(seed);
    first_ = random() % count;
    do {
      factor_ = random() % count;
    } while (std::gcd(factor_, count) != 1);
  }
  u64 operator()(u64 k) const { return u64((static_cast<unsigned __int128>(factor_) * k + first_) % count_); }

 private:
  u64 count_, factor_ = 1, first_ = 0;
};

}  // namespace

/// Blocks that may wait for each other: one that polls gives way, and new ones begin when those that have begun get
/// nowhere and the device has a place.
void run_communicating(worker& work) {
  auto& launch = *work.launch;
  const u64 count = launch.how->grid.size();
  const u64 places = launch.how->resident_blocks == 0 ? count : launch.how->resident_blocks;
  const block_order place_of(count, launch.how->block_order);
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
    for (u64 begin = std::max<u64>(1, resident.size());
         begin > 0 && next < count && resident.size() < places && !launch.ended; --begin) {
      auto block = make_block(work);
      begin_block(*block, place_of(next++), launch);
      work.not_begun = count - next;
      if (run_block(work, *block, still) == turn::finished) {
        end_block(std::move(block), work);
        still.passed = 0;
      } else {
        resident.push_back(std::move(block));
      }
    }
  }
}

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
// Groups of lanes: how a warp splits, waits and comes together again.
#include <bit>

#include "state.hpp"

namespace sim::ptx {
namespace {

using u32 = std::uint32_t;

void park(warp& w, u32 pc, u32 mask, waiting state = waiting::ready) {
  group g;
  g.pc = pc;
  g.mask = mask;
  g.depth = w.depth;
  g.state = state;
  g.last_run = w.issued;
  w.groups.push_back(g);
}

// Lanes that the predicate kept out of a waiting instruction go on behind it.
void split_off_others(warp& w, u32 mask) {
  if (const u32 others = w.active & ~mask; others != 0) park(w, w.pc + 1, others);
  w.active = mask;
}

// After lanes left: warp-wide instructions that waited for them only.
void wake(warp& w) {
  for (auto& g : w.groups) {
    if (g.state != waiting::lanes) continue;
    u32 here = g.mask;
    if (g.any_place)
      for (const auto& other : w.groups)
        if (other.state == waiting::lanes && other.any_place) here |= other.mask;
    if ((g.needed & ~w.exited & ~here) == 0) g.state = waiting::ready;
  }
}

void complete(warp& w, unsigned id) {
  auto& block = *w.block;
  auto& barrier = block.barriers[id];
  const bool whole = barrier.expected == 0;
  const auto& code = w.launch->code->code;
  for (auto& other : block.warps) {
    u32 place = ~u32{0};
    for (auto& g : other.groups) {
      if (g.state != waiting::barrier || g.barrier != id) continue;
      const auto& i = code[g.pc - 1];
      if (w.launch->barriers && (i.small[1] & 1) != 0 && place != ~u32{0} && place != g.pc)
        raise_at(other, g.pc - 1, unsigned(std::countr_zero(g.mask)), fault_kind::barrier_divergence, 0,
                 "lanes of one warp wait for barrier " + std::to_string(id) + " at different instructions");
      place = g.pc;
      if (whole && block.exited != 0 && w.launch->barriers)
        raise_at(other, g.pc - 1, unsigned(std::countr_zero(g.mask)), fault_kind::barrier_divergence, 0,
                 std::to_string(block.exited) + " of " + std::to_string(block.threads) +
                     " threads of the block left the kernel without reaching this barrier");
      if (i.small[0] == 1 || i.small[0] == 2) {
        u32& d = *other.at<u32>(i.d);
        const bool value = i.small[0] == 1 ? barrier.all_true : barrier.any_true;
        d = value ? d | g.mask : d & ~g.mask;
      } else if (i.small[0] == 3) {
        for (unsigned l = 0; l < lanes; ++l)
          if ((g.mask >> l & 1) != 0) other.at<u32>(i.d)[l] = barrier.count_true;
      }
      g.state = waiting::ready;
      ++other.sync_epoch;
    }
  }
  if (!w.launch->shared_races) {
    // no order to keep
  } else if (barrier.arrived >= block.threads - block.exited && !barrier.arrivals_only) {
    block.races.block_barrier();
  } else {
    block.races.partial_barrier(barrier.participants, barrier.waited);
  }
  barrier = {};
}

}  // namespace

bool gather(warp& w, u32 mask, u32 needed) {
  needed &= w.present;
  if (mask == w.active && (needed & ~mask & ~w.exited) == 0) return true;
  split_off_others(w, mask);
  for (std::size_t k = 0; k < w.groups.size();) {
    auto& g = w.groups[k];
    if (g.pc == w.pc && g.depth == w.depth && g.state == waiting::lanes && g.needed == needed && !g.any_place) {
      w.active |= g.mask;
      w.groups.erase(w.groups.begin() + std::ptrdiff_t(k));
    } else {
      ++k;
    }
  }
  if ((needed & ~w.active & ~w.exited) == 0 || w.forced) {
    w.forced = false;
    return true;
  }
  park(w, w.pc, w.active, waiting::lanes);
  w.groups.back().needed = needed;
  w.active = 0;
  return false;
}

bool meet(warp& w, u32 mask, u32 needed) {
  needed &= w.present;
  split_off_others(w, mask);
  u32 here = w.active;
  for (const auto& g : w.groups)
    if (g.state == waiting::lanes && g.any_place && g.needed == needed) here |= g.mask;
  if ((needed & ~here & ~w.exited) == 0) {
    for (auto& g : w.groups)
      if (g.state == waiting::lanes && g.any_place && g.needed == needed) g.state = waiting::ready;
    ++w.sync_epoch;
    return true;
  }
  park(w, w.pc + 1, w.active, waiting::lanes);
  w.groups.back().needed = needed;
  w.groups.back().any_place = true;
  w.active = 0;
  return false;
}

flow arrive(warp& w, u32 mask, unsigned id, u32 expected, bool wait) {
  auto& block = *w.block;
  auto& barrier = block.barriers[id];
  barrier.expected = expected;
  barrier.participants |= u32{1} << w.index;
  if (wait)
    barrier.waited |= u32{1} << w.index;
  else
    barrier.arrivals_only = true;
  barrier.arrived += u32(std::popcount(mask));
  // The hardware counts whole warps: the lanes that a last, incomplete warp does not have count as arrived.
  if (expected != 0 && mask == w.present) barrier.arrived += u32(std::popcount(~w.present));
  if (wait) {
    split_off_others(w, mask);
    park(w, w.pc + 1, mask, waiting::barrier);
    w.groups.back().barrier = std::uint8_t(id);
    w.active = 0;
  }
  const u32 enough = expected != 0 ? expected : block.threads - block.exited;
  if (barrier.arrived >= enough) complete(w, id);
  return wait ? flow::stop : flow::next;
}

flow leave(warp& w, u32 mask) {
  auto& block = *w.block;
  w.exited |= mask;
  w.active &= ~mask;
  block.exited += u32(std::popcount(mask));
  wake(w);
  for (unsigned id = 0; id < block.barriers.size(); ++id) {
    const auto& b = block.barriers[id];
    if (b.arrived != 0 && b.expected == 0 && b.arrived >= block.threads - block.exited) complete(w, id);
  }
  if (w.active == 0) return flow::stop;
  ++w.pc;
  return flow::jump;
}

flow scatter(warp& w, const u32* to, int depth_change) {
  u32 left = w.active;
  w.depth = std::uint16_t(w.depth + depth_change);
  const u32 first = to[std::countr_zero(left)];
  u32 mine = 0;
  while (left != 0) {
    const u32 place = to[std::countr_zero(left)];
    u32 same = 0;
    for (u32 m = left; m != 0; m &= m - 1)
      if (to[std::countr_zero(m)] == place) same |= m & (0 - m);
    if (place == first)
      mine = same;
    else
      park(w, place, same);
    left &= ~same;
  }
  w.pc = first;
  w.active = mine;
  return flow::jump;
}

flow end_launch(warp& w) {
  w.launch->trapped = true;
  w.launch->ended = true;
  if (w.active != 0) park(w, w.pc, w.active);
  w.active = 0;
  return flow::stop;
}

}  // namespace sim::ptx

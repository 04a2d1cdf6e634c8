// SPDX-License-Identifier: Apache-2.0
// Barriers of blocks and warps, fences, programmatic dependent launch.
#include "decode.hpp"
#include "lanes.hpp"

namespace sim::ptx {
namespace {

constexpr auto barrier_kind = instruction_kind::barrier;

// small[0]: 0 no reduction, 1 and, 2 or, 3 popc; small[1]: bit 0 aligned, bit 1 arrive only, bit 2 has a thread count.
flow block_barrier(warp& w, const instruction& i, u32 mask) {
  if (i.small[0] == 0 && (i.small[1] & 2) == 0) ++w.work->counts.barriers;
  const unsigned first = unsigned(std::countr_zero(mask));
  const u32 id = w.at<u32>(i.a)[first] & 15;
  const u32 expected = (i.small[1] & 4) != 0 ? w.at<u32>(i.b)[first] : 0;
  if (i.small[0] != 0) {
    ++w.work->counts.barriers;
    auto& state = w.block->barriers[id];
    const u32 p = *w.at<u32>(i.c);
    state.all_true = state.all_true && (p & mask) == mask;
    state.any_true = state.any_true || (p & mask) != 0;
    state.count_true += u32(std::popcount(p & mask));
  }
  return arrive(w, mask, id, expected, (i.small[1] & 2) == 0);
}

void decode_bar(decoder& d, line& l) {
  l.take("cta");
  if (l.take("warp")) {
    l.take("sync");
    const auto names = d.source(l, l.at(0), type::b32);
    d.emit(
        l,
        [](warp& w, const instruction& i, u32 mask) {
          const u32 needed = w.at<u32>(i.a)[std::countr_zero(mask)];
          const u32 same = same_members(w, i, mask, i.a);
          return meet(w, same, needed | same) ? gathered(w) : flow::stop;
        },
        barrier_kind, {}, names);
    return;
  }
  const bool aligned = l.take("aligned") || l.opcode == "bar";
  const bool arrive_only = l.take("arrive"), reduces = l.take("red");
  l.take("sync");
  const auto how = reduces ? l.take_any({"and", "or", "popc"}) : std::string_view{};
  if (reduces) l.take_type();
  std::size_t k = 0;
  operand result;
  if (reduces) {
    const auto text = l.at(k++);
    result = how == "popc" ? d.destination(l, text, type::u32) : d.predicate_destination(l, text);
  }
  const auto id = k < l.operands.size() ? d.source(l, l.at(k++), type::u32) : d.constant(0, 4);
  const std::size_t left = l.operands.size() - k - (reduces ? 1 : 0);
  const auto threads = left > 0 ? d.source(l, l.at(k++), type::u32) : operand{};
  const auto predicate = reduces ? d.predicate_source(l, l.at(k)) : operand{};
  auto& made = d.emit(l, block_barrier, barrier_kind, result, id, threads, predicate);
  made.small[0] = std::uint8_t(how == "and" ? 1 : how == "or" ? 2 : how == "popc" ? 3 : 0);
  made.small[1] = std::uint8_t((aligned ? 1 : 0) | (arrive_only ? 2 : 0) | (left > 0 ? 4 : 0));
}

/// Within a block the machine's memory has one order, and a fence alone orders no two threads.
flow block_fence(warp&, const instruction&, u32) { return flow::next; }
flow device_fence(warp& w, const instruction&, u32) {
  global_shadow::acquire_fence(w.block->clock);
  global_shadow::release_fence(w.block->clock);
  return flow::next;
}
void decode_fence(decoder& d, line& l) {
  l.take_any({"sc", "acq_rel"});
  const auto scope = l.take_any({"cta", "cluster", "gpu", "gl", "sys"});
  if (l.take("proxy")) {
    // One memory, one order: proxies see the same bytes.
    l.modifiers.clear();
    d.emit(l, block_fence, barrier_kind);
    return;
  }
  d.emit(l, scope == "cta" || scope == "cluster" ? block_fence : device_fence, barrier_kind);
}

flow wait_for_grid(warp& w, const instruction&, u32 mask) {
  w.waited |= mask;
  w.work->waited = true;
  return flow::next;
}
void decode_griddepcontrol(decoder& d, line& l) {
  const bool wait = l.take("wait");
  if (!wait && !l.take("launch_dependents")) l.fail("griddepcontrol.wait or .launch_dependents is expected");
  d.emit(
      l, wait ? wait_for_grid : [](warp&, const instruction&, u32) { return flow::next; }, barrier_kind);
}

constexpr opcode_row rows[] = {
    {"bar", decode_bar},
    {"barrier", decode_bar},
    {"membar", decode_fence},
    {"fence", decode_fence},
    {"griddepcontrol", decode_griddepcontrol},
};

}  // namespace

std::span<const opcode_row> barrier_opcodes() { return rows; }

}  // namespace sim::ptx

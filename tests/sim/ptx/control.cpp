// SPDX-License-Identifier: Apache-2.0
// Branches, calls, ends.
#include "control.hpp"

#include <cstring>

#include "decode.hpp"
#include "lanes.hpp"

namespace sim::ptx {

flow narrow_step(warp& w, const instruction& i, u32 mask) {
  const u64* a = w.at<u64>(i.a);
  u32* d = w.at<u32>(i.d);
  for (unsigned l = 0; l < lanes; ++l) d[l] = (mask >> l & 1) != 0 ? u32(a[l]) : d[l];
  return flow::next;
}
flow widen_step(warp& w, const instruction& i, u32 mask) {
  return map<u64, u32>(
      w, i, mask, [](u32 a) { return u64{a}; }, i.a);
}
flow sign_extend_step(warp& w, const instruction& i, u32 mask) {
  return map<s64, s32>(
      w, i, mask, [](s32 a) { return s64{a}; }, i.a);
}
flow invert_step(warp& w, const instruction& i, u32) {
  *w.at<u32>(i.d) = ~*w.at<u32>(i.a);
  return flow::next;
}
flow copy_local_step(warp& w, const instruction& i, u32 mask) {
  for (unsigned l = 0; l < lanes; ++l)
    if ((mask >> l & 1) != 0) {
      std::byte* local = w.local + l * w.local_stride;
      std::memcpy(local + i.d.bits, local + i.a.bits, std::size_t(i.offset));
    }
  return flow::next;
}

namespace {

flow branch(warp& w, const instruction& i, u32 mask) {
  if (mask == w.active) {
    w.pc = i.target;
    return flow::jump;
  }
  if (w.launch->traffic) ++w.work->counts.divergent_branches;
  u32 to[lanes];
  for (unsigned l = 0; l < lanes; ++l) to[l] = (mask >> l & 1) != 0 ? i.target : w.pc + 1;
  return scatter(w, to, 0);
}

flow branch_indexed(warp& w, const instruction& i, u32 mask) {
  const auto& table = w.launch->code->jump_tables[i.target];
  const u32* index = w.at<u32>(i.a);
  u32 to[lanes];
  for (unsigned l = 0; l < lanes; ++l)
    to[l] = (mask >> l & 1) == 0 ? w.pc + 1 : table[std::min<std::size_t>(index[l], table.size() - 1)];
  return scatter(w, to, 0);
}

flow trap(warp& w, const instruction& i, u32 mask) {
  raise(w, i, unsigned(std::countr_zero(mask)), fault_kind::trap, 0, "the kernel executed trap");
  return end_launch(w);
}

flow nothing(warp&, const instruction&, u32) { return flow::next; }

flow sleep(warp& w, const instruction&, u32) {
  w.block->polls += poll_limit;
  poll(w);
  return flow::next;
}

constexpr auto control = instruction_kind::control;

void decode_bra(decoder& d, line& l) {
  l.take("uni");
  d.emit(l, branch, control);
  d.branch_to(l, l.at(0), std::uint32_t(d.made().code.size() - 1));
}
void decode_brx(decoder& d, line& l) {
  if (!l.take("idx")) l.fail("brx.idx is expected");
  l.take("uni");
  const auto index = d.source(l, l.at(0), type::u32);
  const auto table = d.jump_table(l, l.at(1));
  d.emit(l, branch_indexed, control, {}, index).target = table;
}
void decode_call(decoder& d, line& l) {
  l.take("uni");
  d.call(l);
}
void decode_ret(decoder& d, line& l) {
  l.take("uni");
  if (d.in_entry())
    d.emit(l, exit_step, control);
  else
    d.emit(l, return_step, control, d.return_slot());
}
void decode_exit(decoder& d, line& l) { d.emit(l, exit_step, control); }
void decode_trap(decoder& d, line& l) { d.emit(l, trap, control); }
void decode_brkpt(decoder& d, line& l) { d.emit(l, nothing, control); }
void decode_nanosleep(decoder& d, line& l) {
  l.take_type();
  d.emit(l, sleep, control);
}

constexpr opcode_row rows[] = {
    {"bra", decode_bra},       {"brx", decode_brx},   {"call", decode_call},   {"ret", decode_ret},
    {"exit", decode_exit},     {"trap", decode_trap}, {"brkpt", decode_brkpt}, {"nanosleep", decode_nanosleep},
    {"pmevent", decode_brkpt},
};

}  // namespace

flow call_step(warp& w, const instruction& i, u32 mask) {
  u32* back = w.at<u32>(i.d);
  for (unsigned l = 0; l < lanes; ++l)
    if ((mask >> l & 1) != 0) back[l] = w.pc + 1;
  if (mask != w.active) {
    group others;
    others.pc = w.pc + 1;
    others.mask = w.active & ~mask;
    others.depth = w.depth;
    w.groups.push_back(others);
    w.active = mask;
  }
  ++w.depth;
  w.pc = i.target;
  return flow::jump;
}

flow indirect_call_step(warp& w, const instruction& i, u32 mask) {
  const auto& callees = w.launch->code->callees;
  const u64* pointers = w.at<u64>(i.a);
  const u64 pointer = pointers[std::countr_zero(mask)];
  u32 same = 0;
  for (u32 m = mask; m != 0; m &= m - 1)
    if (pointers[std::countr_zero(m)] == pointer) same |= m & (0 - m);
  if (same != mask) {  // the lanes of another function come back to this instruction
    group others;
    others.pc = w.pc;
    others.mask = mask & ~same;
    others.depth = w.depth;
    w.groups.push_back(others);
    w.active &= ~others.mask;
  }
  if (pointer == 0 || pointer > callees.size() || callees[pointer - 1].parameters.size() != i.small[0] ||
      callees[pointer - 1].returns.size() != i.small[1]) {
    raise(w, i, unsigned(std::countr_zero(same)), fault_kind::out_of_bounds, pointer,
          "the called address is no function of these parameters");
    return end_launch(w);
  }
  const auto& to = callees[pointer - 1];
  for (u32 m = same; m != 0; m &= m - 1) {
    std::byte* local = w.local + unsigned(std::countr_zero(m)) * w.local_stride;
    for (unsigned k = 0; k < i.small[0]; ++k)
      std::memcpy(local + to.parameters[k].first, local + w.launch->code->operands[i.target + k].bits,
                  to.parameters[k].second);
  }
  instruction call = i;
  call.d = to.return_slot;
  call.target = to.begin;
  return call_step(w, call, same);
}

flow indirect_results_step(warp& w, const instruction& i, u32 mask) {
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    std::byte* local = w.local + l * w.local_stride;
    const auto& from = w.launch->code->callees[w.at<u64>(i.a)[l] - 1];
    for (unsigned k = 0; k < i.small[1]; ++k)
      std::memcpy(local + w.launch->code->operands[i.target + k].bits, local + from.returns[k].first,
                  from.returns[k].second);
  }
  return flow::next;
}

flow return_step(warp& w, const instruction& i, u32 mask) {
  if (mask != w.active) {
    group others;
    others.pc = w.pc + 1;
    others.mask = w.active & ~mask;
    others.depth = w.depth;
    w.groups.push_back(others);
    w.active = mask;
  }
  return scatter(w, w.at<u32>(i.d), -1);
}

flow exit_step(warp& w, const instruction&, u32 mask) { return leave(w, mask); }

std::span<const opcode_row> control_opcodes() { return rows; }

}  // namespace sim::ptx

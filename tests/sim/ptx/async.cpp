// SPDX-License-Identifier: Apache-2.0
// cp.async: the bytes are taken from global memory when it is issued, and reach shared memory at the wait that covers
// them, so that a missing wait shows.
#include <algorithm>
#include <cstring>

#include "access.hpp"
#include "bits.hpp"
#include "decode.hpp"
#include "lanes.hpp"
#include "load_store.hpp"

namespace sim::ptx {
namespace {

/// Copies of fewer bytes than they could be: with the whole ones of their instruction they are one request.
void count_partial(warp& w, const u64* from, const u32* reads, unsigned bytes, u32 lanes_at_work, bool counted) {
  if (!w.launch->traffic || lanes_at_work == 0) return;
  auto& t = w.work->counts.loads;
  if (!counted) ++t.requests;
  u64 sectors[lanes];
  unsigned count = 0;
  for (u32 m = lanes_at_work; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    t.requested_bytes += reads[l];
    t.useful_bytes += reads[l];
    sectors[count++] = from[l] / 32;  // aligned to its 16 bytes at most: in one sector
    ++w.work->counts.load_widths[std::size_t(std::countr_zero(bytes))];
  }
  std::sort(sectors, sectors + count);
  t.sectors += u64(std::unique(sectors, sectors + count) - sectors);
}

// d: shared address, a: global address, b: source bytes where given. small[0]: bytes; [1] whether b counts, [2] slot
// bytes of d, [4] of a; offset of a, target of d.
flow copy(warp& w, const instruction& i, u32 mask) {
  alignas(64) u64 from[lanes], to[lanes];
  addresses(w, i, from);
  const auto to_offset = u64(s64(s32(i.target)));
  for (unsigned l = 0; l < lanes; ++l)
    to[l] = to_offset + (i.small[2] == 8 ? w.at<u64>(i.d)[l] & ~window_mask : i.small[2] == 4 ? w.at<u32>(i.d)[l] : 0);
  const unsigned bytes = i.small[0];
  u32 reads[lanes];
  u32 reading = 0;
  for (unsigned l = 0; l < lanes; ++l) {
    reads[l] = i.small[1] != 0 ? std::min<u32>(w.at<u32>(i.b)[l], bytes) : bytes;
    if (i.small[1] == 2) reads[l] = (*w.at<u32>(i.b) >> l & 1) != 0 ? 0 : bytes;  // ignore-src
    reading |= u32(reads[l] != 0) << l;
  }
  // Whole copies as one request; shorter ones lane by lane, for only their bytes are read.
  resolved source;
  u32 whole = 0, part = 0;
  for (u32 m = mask & reading; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    (reads[l] == bytes ? whole : part) |= m & (0 - m);
  }
  request r;
  r.where = space::global;
  r.width = bytes;
  r.mask = whole;
  resolve(w, i, r, from, source);
  const auto took = source.mask;
  for (u32 m = part; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    std::byte* first = nullptr;
    for (u32 k = 0; k < reads[l]; ++k) {
      u64 at[lanes] = {};
      at[l] = from[l] + k;
      resolved one;
      request small = r;
      small.width = 1;
      small.counted = accounting::bytes;
      small.mask = m & (0 - m);
      resolve(w, i, small, at, one);
      if (one.mask == 0) break;
      if (first == nullptr) first = one.at[l];
    }
    if (first != nullptr) source.at[l] = first, source.mask |= m & (0 - m);
  }
  if (part != 0) count_partial(w, from, reads, bytes, part & source.mask, took != 0);
  // The destination counts as written now, for whoever still reads it, and again when the data arrive.
  request shared;
  shared.where = space::shared;
  shared.width = bytes;
  shared.mask = mask;
  shared.what = intent::store;
  resolved destination;
  resolve(w, i, shared, to, destination);
  for (u32 m = destination.mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    async_copy c;
    c.lane = l;
    c.shared_offset = u32(to[l]);
    c.bytes = bytes;
    c.group = w.async_group[l];
    if ((source.mask >> l & 1) != 0) std::memcpy(c.data.data(), source.at[l], reads[l]);
    w.pending.push_back(c);
    ++w.block->copies_in_flight;
    set_bits(w.block->shared_in_flight.data(), c.shared_offset, c.bytes);
  }
  return flow::next;
}

flow commit(warp& w, const instruction&, u32 mask) {
  for (u32 m = mask; m != 0; m &= m - 1) ++w.async_group[std::countr_zero(m)];
  return flow::next;
}

/// `left`: how many of a lane's newest groups may stay under way; -1: wait also for what no group holds yet.
flow wait(warp& w, const instruction& i, u32 mask) {
  std::erase_if(w.pending, [&](const async_copy& c) {
    if ((mask >> c.lane & 1) == 0) return false;
    const bool due = i.offset < 0 || s64(c.group) + i.offset < s64(w.async_group[c.lane]);
    if (!due) return false;
    std::memcpy(w.block->shared.data() + c.shared_offset, c.data.data(), c.bytes);
    --w.block->copies_in_flight;
    clear_bits(w.block->shared_in_flight.data(), c.shared_offset, c.bytes);
    if (w.launch->shared_races)
      w.block->races.touch(w.index * lanes + c.lane, w.sync_epoch, c.shared_offset, c.bytes,
                           shared_shadow::access::write);
    return true;
  });
  return flow::next;
}

void decode_cp(decoder& d, line& l) {
  if (!l.take("async")) l.fail("of the cp family cp.async is known");
  if (l.take("commit_group")) {
    d.emit(l, commit, instruction_kind::memory);
    return;
  }
  if (l.take("wait_group") || l.take("wait_all")) {
    const auto count =
        l.operands.empty() ? std::optional<literal>{literal{~std::uint64_t{0}, {}}} : read_literal(l.at(0));
    if (!count) l.fail("cp.async.wait_group needs a constant");
    d.emit(l, wait, instruction_kind::memory).offset = std::int64_t(count->bits);
    return;
  }
  take_cache_hints(l);
  l.take_any({"shared", "shared::cta"});
  l.take("global");
  const auto to = d.memory_operand(l, l.at(0)), from = d.memory_operand(l, l.at(1));
  const auto bytes = read_literal(l.at(2));
  if (!bytes || (bytes->bits != 4 && bytes->bits != 8 && bytes->bits != 16)) l.fail("4, 8 or 16 bytes are expected");
  operand source_bytes;
  std::uint8_t has_source = 0;
  if (l.operands.size() > 3) {
    const auto text = l.at(3);
    if (d.register_bytes(text) == 1 || text[0] == '!')
      source_bytes = d.predicate_source(l, text), has_source = 2;
    else if (d.register_bytes(text) != 8)  // 8 bytes: a cache policy
      source_bytes = d.source(l, text, type::u32), has_source = 1;
  }
  auto& made = d.emit(l, copy, instruction_kind::memory, to.base.value_or(operand{}), from.base.value_or(operand{}),
                      source_bytes);
  made.offset = from.offset;
  made.target = std::uint32_t(std::int32_t(to.offset));
  made.small[0] = std::uint8_t(bytes->bits);
  made.small[1] = has_source;
  made.small[2] = std::uint8_t(to.base ? to.base_bytes : 0);
  made.small[4] = std::uint8_t(from.base ? from.base_bytes : 0);
  d.note_shared_width(unsigned(bytes->bits));
  d.note_global_width(has_source == 1 ? 1 : unsigned(bytes->bits));
}

constexpr opcode_row rows[] = {{"cp", decode_cp}};

}  // namespace

std::span<const opcode_row> async_opcodes() { return rows; }

}  // namespace sim::ptx

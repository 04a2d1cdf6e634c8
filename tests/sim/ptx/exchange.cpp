// SPDX-License-Identifier: Apache-2.0
// Values that lanes of a warp exchange: shuffles, votes, match, redux.
#include "exchange.hpp"

#include "decode.hpp"
#include "lanes.hpp"

namespace sim::ptx {

u32 same_members(warp& w, const instruction& i, u32 mask, operand members) {
  const u32* names = w.at<u32>(members);
  const u32 needed = names[std::countr_zero(mask)];
  u32 same = 0;
  for (u32 m = mask; m != 0; m &= m - 1)
    if (names[std::countr_zero(m)] == needed) same |= m & (0 - m);
  if (same != mask) {
    group others;
    others.pc = w.pc;
    others.mask = mask & ~same;
    others.depth = w.depth;
    w.groups.push_back(others);
    w.active &= ~others.mask;
  }
  if ((same & ~needed) != 0 && w.launch->shuffles)
    raise(w, i, unsigned(std::countr_zero(same & ~needed)), fault_kind::inactive_lane, 0,
          "the lane executes the instruction, but its member mask does not name it");
  return same;
}

u32 together(warp& w, const instruction& i, u32 mask, operand members) {
  const u32 needed = w.at<u32>(members)[std::countr_zero(mask)];
  const u32 same = same_members(w, i, mask, members);
  return gather(w, same, needed | same) ? w.active : 0;
}

namespace {

constexpr auto exchange = instruction_kind::exchange;

enum class shuffle_mode : unsigned char { up, down, butterfly, index };

template <shuffle_mode mode>
flow shuffle(warp& w, const instruction& i, u32 mask) {
  mask = together(w, i, mask, i.e);
  if (mask == 0) return flow::stop;
  alignas(64) u32 from[lanes], value[lanes];
  const u32 *a = w.at<u32>(i.a), *b = w.at<u32>(i.b), *c = w.at<u32>(i.c);
  u32 in_range = 0;
  for (unsigned l = 0; l < lanes; ++l) {
    const u32 step = b[l] & 31, clamp = c[l] & 31, segment = c[l] >> 8 & 31;
    const u32 most = (l & segment) | (clamp & ~segment), least = l & segment;
    u32 j;
    bool ok;
    if constexpr (mode == shuffle_mode::up) {
      j = l - step;
      ok = s32(j) >= s32(most);
    } else if constexpr (mode == shuffle_mode::down) {
      j = l + step;
      ok = j <= most;
    } else if constexpr (mode == shuffle_mode::butterfly) {
      j = l ^ step;
      ok = j <= most;
    } else {
      j = least | (step & ~segment);
      ok = j <= most;
    }
    from[l] = ok ? j : l;
    in_range |= u32(ok) << l;
  }
  for (unsigned l = 0; l < lanes; ++l) value[l] = a[from[l] & 31];
  if (mask != all_lanes && w.launch->shuffles)
    for (u32 m = mask; m != 0; m &= m - 1) {
      const unsigned l = unsigned(std::countr_zero(m));
      if ((mask >> from[l] & 1) == 0) {
        raise(w, i, l, fault_kind::inactive_lane, 0,
              "the value comes from lane " + std::to_string(from[l]) + ", which does not take part");
      }
    }
  u32* d = w.at<u32>(i.d);
  for (unsigned l = 0; l < lanes; ++l) d[l] = (mask >> l & 1) != 0 ? value[l] : d[l];
  if (i.small[0] != 0) write_mask(w, operand{i.target}, mask, in_range);
  return gathered(w);
}

void decode_shfl(decoder& d, line& l) {
  if (!l.take("sync")) l.fail("shfl.sync is expected: sm_70 and later have no other");
  const auto mode = l.take_any({"up", "down", "bfly", "idx"});
  l.take_type();
  const auto results = l.at(0);
  const auto bar = results.find('|');
  const auto a = d.source(l, l.at(1), type::b32), b = d.source(l, l.at(2), type::b32),
             c = d.source(l, l.at(3), type::b32);
  const auto members = d.source(l, l.at(4), type::b32);
  const auto dest = d.destination(l, trim(results.substr(0, bar)), type::b32);
  operand p;
  if (bar != std::string_view::npos) p = d.predicate_destination(l, trim(results.substr(bar + 1)));
  const handler h = mode == "up"     ? shuffle<shuffle_mode::up>
                    : mode == "down" ? shuffle<shuffle_mode::down>
                    : mode == "bfly" ? shuffle<shuffle_mode::butterfly>
                                     : shuffle<shuffle_mode::index>;
  auto& made = d.emit(l, h, exchange, dest, a, b, c, members);
  made.small[0] = bar != std::string_view::npos;
  made.target = p.bits;
}

// small[0]: 0 all, 1 any, 2 uni, 3 ballot.
flow vote(warp& w, const instruction& i, u32 mask) {
  mask = together(w, i, mask, i.e);
  if (mask == 0) return flow::stop;
  const u32 yes = *w.at<u32>(i.a) & mask;
  if (i.small[0] == 3) {
    for (u32 m = mask; m != 0; m &= m - 1) w.at<u32>(i.d)[std::countr_zero(m)] = yes;
    return gathered(w);
  }
  const bool all = yes == mask, any = yes != 0;
  const bool r = i.small[0] == 0 ? all : i.small[0] == 1 ? any : all || !any;
  write_mask(w, i.d, mask, r ? all_lanes : 0);
  return gathered(w);
}
void decode_vote(decoder& d, line& l) {
  if (!l.take("sync")) l.fail("vote.sync is expected: sm_70 and later have no other");
  const auto how = l.take_any({"all", "any", "uni", "ballot"});
  l.take_type();
  const auto a = d.predicate_source(l, l.at(1));
  const auto members = d.source(l, l.at(2), type::b32);
  const bool ballot = how == "ballot";
  const auto dest = ballot ? d.destination(l, l.at(0), type::b32) : d.predicate_destination(l, l.at(0));
  d.emit(l, vote, exchange, dest, a, {}, {}, members).small[0] = std::uint8_t(ballot         ? 3
                                                                              : how == "uni" ? 2
                                                                              : how == "any" ? 1
                                                                                             : 0);
}

template <class T>
flow match(warp& w, const instruction& i, u32 mask) {
  mask = together(w, i, mask, i.e);
  if (mask == 0) return flow::stop;
  const T* a = w.at<T>(i.a);
  u32 equal[lanes] = {};
  for (u32 m = mask; m != 0; m &= m - 1)
    for (u32 n = mask; n != 0; n &= n - 1)
      if (a[std::countr_zero(m)] == a[std::countr_zero(n)]) equal[std::countr_zero(m)] |= n & (0 - n);
  u32* d = w.at<u32>(i.d);
  u32 everywhere = 0;
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    const bool all = equal[l] == mask;
    everywhere |= u32(all) << l;
    d[l] = i.small[0] == 0 ? equal[l] : all ? mask : 0;  // any, all
  }
  if (i.small[1] != 0) write_mask(w, operand{i.target}, mask, everywhere);
  return gathered(w);
}
void decode_match(decoder& d, line& l) {
  const bool all = l.take("all");
  l.take("any");
  l.take("sync");
  const type t = l.take_type();
  const auto results = l.at(0);
  const auto bar = results.find('|');
  const auto a = d.source(l, l.at(1), t), members = d.source(l, l.at(2), type::b32);
  const auto dest = d.destination(l, trim(results.substr(0, bar)), type::b32);
  operand p;
  if (bar != std::string_view::npos) p = d.predicate_destination(l, trim(results.substr(bar + 1)));
  auto& made = d.emit(l, bytes_of(t) == 8 ? match<u64> : match<u32>, exchange, dest, a, {}, {}, members);
  made.small[0] = all;
  made.small[1] = bar != std::string_view::npos;
  made.target = p.bits;
}

// small[0]: 0 add, 1 min, 2 max, 3 and, 4 or, 5 xor; small[1]: signed.
flow redux(warp& w, const instruction& i, u32 mask) {
  mask = together(w, i, mask, i.e);
  if (mask == 0) return flow::stop;
  const u32* a = w.at<u32>(i.a);
  u32 r = a[std::countr_zero(mask)];
  for (u32 m = mask & (mask - 1); m != 0; m &= m - 1) {
    const u32 x = a[std::countr_zero(m)];
    const bool less = i.small[1] != 0 ? s32(x) < s32(r) : x < r;
    switch (i.small[0]) {
      case 0:
        r += x;
        break;
      case 1:
        r = less ? x : r;
        break;
      case 2:
        r = less ? r : x;
        break;
      case 3:
        r &= x;
        break;
      case 4:
        r |= x;
        break;
      default:
        r ^= x;
        break;
    }
  }
  for (u32 m = mask; m != 0; m &= m - 1) w.at<u32>(i.d)[std::countr_zero(m)] = r;
  return gathered(w);
}
void decode_redux(decoder& d, line& l) {
  l.take("sync");
  constexpr std::string_view names[] = {"add", "min", "max", "and", "or", "xor"};
  std::uint8_t op = 0;
  while (op < 6 && !l.take(names[op])) ++op;
  const type t = l.take_type();
  if (op == 6 || is_float(t)) l.fail("this reduction is not known");
  const auto a = d.source(l, l.at(1), t), members = d.source(l, l.at(2), type::b32);
  auto& made = d.emit(l, redux, exchange, d.destination(l, l.at(0), t), a, {}, {}, members);
  made.small[0] = op;
  made.small[1] = is_signed(t);
}

flow elect(warp& w, const instruction& i, u32 mask) {
  mask = together(w, i, mask, i.e);
  if (mask == 0) return flow::stop;
  const unsigned leader = unsigned(std::countr_zero(mask));
  for (u32 m = mask; m != 0; m &= m - 1) w.at<u32>(i.d)[std::countr_zero(m)] = leader;
  write_mask(w, operand{i.target}, mask, u32{1} << leader);
  return gathered(w);
}
void decode_elect(decoder& d, line& l) {
  l.take("sync");
  const auto results = l.at(0);
  const auto bar = results.find('|');
  if (bar == std::string_view::npos) l.fail("elect.sync d|p, mask is expected");
  const auto members = d.source(l, l.at(1), type::b32);
  const auto dest = d.destination(l, trim(results.substr(0, bar)), type::b32);
  const auto p = d.predicate_destination(l, trim(results.substr(bar + 1)));
  d.emit(l, elect, exchange, dest, {}, {}, {}, members).target = p.bits;
}

constexpr opcode_row rows[] = {
    {"shfl", decode_shfl},   {"vote", decode_vote},   {"match", decode_match},
    {"redux", decode_redux}, {"elect", decode_elect},
};

}  // namespace

std::span<const opcode_row> exchange_opcodes() { return rows; }

}  // namespace sim::ptx

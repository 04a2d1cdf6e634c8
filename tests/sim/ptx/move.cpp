// SPDX-License-Identifier: Apache-2.0
// Moves, packing and unpacking, address space conversions.
#include <cstring>

#include "decode.hpp"
#include "lanes.hpp"

namespace sim::ptx {
namespace {

constexpr auto integer = instruction_kind::integer;

template <class T>
flow copy(warp& w, const instruction& i, u32 mask) {
  const T* a = w.at<T>(i.a);
  T* d = w.at<T>(i.d);
  if (mask == all_lanes) {
    std::memmove(d, a, sizeof(T) * lanes);
    return flow::next;
  }
  for (unsigned l = 0; l < lanes; ++l) d[l] = (mask >> l & 1) != 0 ? a[l] : d[l];
  return flow::next;
}
flow copy_predicate(warp& w, const instruction& i, u32 mask) {
  write_mask(w, i.d, mask, *w.at<u32>(i.a));
  return flow::next;
}
flow copy_128(warp& w, const instruction& i, u32 mask) {
  const u64* a = w.at<u64>(i.a);
  u64* d = w.at<u64>(i.d);
  for (unsigned l = 0; l < lanes; ++l)
    if ((mask >> l & 1) != 0) d[l] = a[l], d[lanes + l] = a[lanes + l];
  return flow::next;
}

// A vector of small[0] elements of small[1] bits, low ones first, in program::operands from `target`; the whole has
// small[2] bytes a slot; elements of 64 bits have 8-byte slots.
u64 element_of(warp& w, operand o, unsigned bits, unsigned l) { return bits == 64 ? w.at<u64>(o)[l] : w.at<u32>(o)[l]; }

flow pack(warp& w, const instruction& i, u32 mask) {
  const operand* from = w.launch->code->operands.data() + i.target;
  const unsigned count = i.small[0], bits = i.small[1];
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    u64 whole[2] = {};
    for (unsigned k = 0; k < count; ++k) {
      u64 e = element_of(w, from[k], bits, l);
      if (bits < 64) e &= (u64{1} << bits) - 1;
      whole[k * bits / 64] |= e << (k * bits % 64);
    }
    if (i.small[2] == 4)
      w.at<u32>(i.d)[l] = u32(whole[0]);
    else
      w.at<u64>(i.d)[l] = whole[0];
    if (i.small[2] == 16) w.at<u64>(i.d)[lanes + l] = whole[1];
  }
  return flow::next;
}
flow unpack(warp& w, const instruction& i, u32 mask) {
  const operand* to = w.launch->code->operands.data() + i.target;
  const unsigned count = i.small[0], bits = i.small[1];
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    u64 whole[2] = {};
    if (i.small[2] == 4)
      whole[0] = w.at<u32>(i.a)[l];
    else
      whole[0] = w.at<u64>(i.a)[l];
    if (i.small[2] == 16) whole[1] = w.at<u64>(i.a)[lanes + l];
    for (unsigned k = 0; k < count; ++k) {
      u64 e = whole[k * bits / 64] >> (k * bits % 64);
      if (bits < 64) e &= (u64{1} << bits) - 1;
      if (bits == 64)
        w.at<u64>(to[k])[l] = e;
      else
        w.at<u32>(to[k])[l] = u32(e);
    }
  }
  return flow::next;
}

// The commonest forms at full speed.
flow pack_2x32(warp& w, const instruction& i, u32 mask) {
  return map<u64, u32, u32>(
      w, i, mask, [](u32 a, u32 b) { return u64{a} | u64{b} << 32; }, i.a, i.b);
}
flow pack_2x16(warp& w, const instruction& i, u32 mask) {
  return map<u32, u32, u32>(
      w, i, mask, [](u32 a, u32 b) { return (a & 0xffff) | b << 16; }, i.a, i.b);
}

type unsigned_of_bits(unsigned bits) {
  return bits == 8 ? type::b8 : bits == 16 ? type::b16 : bits == 32 ? type::b32 : type::b64;
}

// Special registers that change: the clock counts the warp's instructions, so that a program sees the same in every
// run.
enum class changing : unsigned char { clock, clock_high, active_mask };
flow read_changing(warp& w, const instruction& i, u32 mask) {
  u64 value = w.issued;
  if (i.small[0] == unsigned(changing::clock_high)) value >>= 32;
  if (i.small[0] == unsigned(changing::active_mask)) value = w.active;
  for (unsigned l = 0; l < lanes; ++l)
    if ((mask >> l & 1) != 0) {
      if (i.small[2] == 8)
        w.at<u64>(i.d)[l] = value;
      else
        w.at<u32>(i.d)[l] = u32(value);
    }
  return flow::next;
}

void decode_mov(decoder& d, line& l) {
  const type t = l.take_type();
  const auto to = l.at(0), from = l.at(1);
  const unsigned bytes = bytes_of(t);
  if (t == type::pred) {
    const auto a = d.predicate_source(l, from);
    d.emit(l, copy_predicate, integer, d.predicate_destination(l, to), a);
    return;
  }
  if (from == "%clock" || from == "%clock64" || from == "%clock_hi" || from == "%globaltimer" ||
      from == "%globaltimer_lo" || from == "%globaltimer_hi") {
    auto& made = d.emit(l, read_changing, integer, d.destination(l, to, t));
    made.small[0] = from == "%clock_hi" || from == "%globaltimer_hi" ? 1 : 0;
    made.small[2] = std::uint8_t(bytes);
    return;
  }
  if (from[0] == '{') {
    const auto elements = decoder::vector_elements(from);
    const unsigned bits = bytes * 8 / unsigned(elements.size());
    std::vector<operand> sources;
    for (const auto e : elements) sources.push_back(d.source(l, e, unsigned_of_bits(bits)));
    const auto dest = d.destination(l, to, t);
    if (elements.size() == 2 && (bits == 32 || bits == 16)) {
      d.emit(l, bits == 32 ? pack_2x32 : pack_2x16, integer, dest, sources[0], sources[1]);
      return;
    }
    const auto first = d.list(sources);
    auto& made = d.emit(l, pack, integer, dest);
    made.target = first;
    made.small[0] = std::uint8_t(elements.size());
    made.small[1] = std::uint8_t(bits);
    made.small[2] = std::uint8_t(bytes < 4 ? 4 : bytes);
    return;
  }
  if (to[0] == '{') {
    const auto elements = decoder::vector_elements(to);
    const unsigned bits = bytes * 8 / unsigned(elements.size());
    const auto a = d.source(l, from, t);
    std::vector<operand> results;
    for (const auto e : elements) results.push_back(d.destination(l, e, unsigned_of_bits(bits)));
    const auto first = d.list(results);
    auto& made = d.emit(l, unpack, integer, {}, a);
    made.target = first;
    made.small[0] = std::uint8_t(elements.size());
    made.small[1] = std::uint8_t(bits);
    made.small[2] = std::uint8_t(bytes < 4 ? 4 : bytes);
    return;
  }
  const auto a = d.source(l, from, t);
  d.emit(l, bytes == 16 ? copy_128 : bytes == 8 ? copy<u64> : copy<u32>, integer, d.destination(l, to, t), a);
}

void decode_activemask(decoder& d, line& l) {
  l.take_type();
  auto& made = d.emit(l, read_changing, instruction_kind::exchange, d.destination(l, l.at(0), type::b32));
  made.small[0] = std::uint8_t(changing::active_mask);
  made.small[2] = 4;
}

u64 window_of(line& l) {
  const auto where = l.take_any({"global", "shared", "shared::cta", "local", "param", "const", "param::entry"});
  if (where == "shared" || where == "shared::cta") return shared_window;
  if (where == "local") return local_window;
  if (where == "param" || where == "param::entry") return parameter_window;
  if (where.empty()) l.fail("an address space is expected");
  return 0;
}

flow add_window(warp& w, const instruction& i, u32 mask) {
  const u64 window = u64(i.offset);
  return map<u64, u64>(
      w, i, mask, [window](u64 a) { return a | window; }, i.a);
}
flow drop_window(warp& w, const instruction& i, u32 mask) {
  return map<u64, u64>(
      w, i, mask, [](u64 a) { return a & ~window_mask; }, i.a);
}
void decode_cvta(decoder& d, line& l) {
  const bool to = l.take("to");
  u64 window = window_of(l);
  const type t = l.take_type();
  if (bytes_of(t) != 8) l.fail("64-bit addresses are expected");
  // In a device function parameters lie in local memory.
  if (window == parameter_window && !d.in_entry()) window = local_window;
  const auto a = d.source(l, l.at(1), t);
  auto& made = d.emit(l,
                      window == 0 ? copy<u64>
                      : to        ? drop_window
                                  : add_window,
                      integer, d.destination(l, l.at(0), t), a);
  made.offset = std::int64_t(window);
}

flow in_window(warp& w, const instruction& i, u32 mask) {
  const u64 window = u64(i.offset);
  write_mask(w, i.d, mask,
             ballot<u64>(
                 w, [window](u64 a) { return (a & window_mask) == window; }, i.a));
  return flow::next;
}
void decode_isspacep(decoder& d, line& l) {
  const u64 window = window_of(l);
  const auto a = d.source(l, l.at(1), type::u64);
  d.emit(l, in_window, integer, d.predicate_destination(l, l.at(0)), a).offset = std::int64_t(window);
}

void decode_createpolicy(decoder& d, line& l) {
  l.modifiers.clear();  // a cache policy is a hint whatever it says
  d.emit(l, copy<u64>, integer, d.destination(l, l.at(0), type::b64), d.constant(0, 8));
}

constexpr opcode_row rows[] = {
    {"mov", decode_mov},
    {"cvta", decode_cvta},
    {"isspacep", decode_isspacep},
    {"activemask", decode_activemask},
    {"createpolicy", decode_createpolicy},
};

}  // namespace

std::span<const opcode_row> move_opcodes() { return rows; }

}  // namespace sim::ptx

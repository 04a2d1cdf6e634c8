// SPDX-License-Identifier: Apache-2.0
// Extended precision: add.cc, addc, sub.cc, subc, mad.cc, madc and their carry flag. The forms without .cc of add, sub
// and mad belong to the family of their type.
#include "carry.hpp"

#include "decode.hpp"
#include "lanes.hpp"
#include "pick.hpp"

namespace sim::ptx {
namespace {

// small[0]: 0 add, 1 sub, 2 mad.lo, 3 mad.hi; small[1]: bit 0 takes the carry in, bit 1 gives it out.
template <class T, class W>
flow extended(warp& w, const instruction& i, u32 mask) {
  const unsigned op = i.small[0];
  const bool in = (i.small[1] & 1) != 0, out = (i.small[1] & 2) != 0;
  const T *a = w.at<T>(i.a), *b = w.at<T>(i.b), *c = w.at<T>(i.c);
  T* d = w.at<T>(i.d);
  constexpr unsigned bits = sizeof(T) * 8;
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    const W carry = in ? w.carry >> l & 1 : 0;
    W x = a[l], y = b[l];
    if (op >= 2) {
      const W product = x * y;
      x = op == 2 ? W(T(product)) : W(product >> bits);
      y = c[l];
    }
    const W r = op == 1 ? x - y - carry : x + y + carry;
    d[l] = T(r);
    if (out) w.carry = (w.carry & ~(u32{1} << l)) | u32(r >> bits & 1) << l;  // a borrow sets the bits above
  }
  return flow::next;
}

void decode_carry_form(decoder& d, line& l) {
  const bool out = l.take("cc");
  const bool in = l.opcode.back() == 'c' && l.opcode.size() == 4;
  unsigned op = l.opcode.substr(0, 3) == "add" ? 0 : l.opcode.substr(0, 3) == "sub" ? 1 : 2;
  if (l.take("hi")) op = 3;
  l.take("lo");
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
  const auto c = op >= 2 ? d.source(l, l.at(3), t) : operand{};
  // Signed forms differ in the high product only.
  if (op == 3 && is_signed(t)) l.fail("the signed high product with carry is not known");
  const handler h = bytes_of(t) == 8 ? extended<u64, unsigned __int128> : extended<u32, u64>;
  auto& made = d.emit(l, h, instruction_kind::integer, d.destination(l, l.at(0), t), a, b, c);
  made.small[0] = std::uint8_t(op);
  made.small[1] = std::uint8_t((in ? 1 : 0) | (out ? 2 : 0));
}

constexpr opcode_row rows[] = {{"addc", decode_carry_form}, {"subc", decode_carry_form}, {"madc", decode_carry_form}};

}  // namespace

bool decode_with_carry(decoder& d, line& l) {
  for (const auto m : l.modifiers)
    if (m == "cc") return decode_carry_form(d, l), true;
  return false;
}

std::span<const opcode_row> carry_opcodes() { return rows; }

}  // namespace sim::ptx

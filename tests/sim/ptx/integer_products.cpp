// SPDX-License-Identifier: Apache-2.0
// 24-bit products, dot products of bytes and halves, sums of absolute differences.
#include <algorithm>
#include <type_traits>

#include "decode.hpp"
#include "lanes.hpp"
#include "pick.hpp"

namespace sim::ptx {
namespace {

constexpr auto integer = instruction_kind::integer;

template <class T>
using unsigned_of = std::make_unsigned_t<T>;

struct absolute_difference {
  template <class T>
  T operator()(T a, T b, T c) const {
    const unsigned_of<T> d = a < b ? unsigned_of<T>(b) - unsigned_of<T>(a) : unsigned_of<T>(a) - unsigned_of<T>(b);
    return T(unsigned_of<T>(c) + d);
  }
};
template <class T>
flow sad(warp& w, const instruction& i, u32 mask) {
  return map<T, T, T, T>(
      w, i, mask, [](T a, T b, T c) { return absolute_difference{}(a, b, c); }, i.a, i.b, i.c);
}
void decode_sad(decoder& d, line& l) {
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t), c = d.source(l, l.at(3), t);
  const handler h = for_integer(l, t, []<class T>(tag<T>) -> handler { return sad<T>; });
  d.emit(l, h, integer, d.destination(l, l.at(0), t), a, b, c);
}

// mul24 and mad24 take the low 24 bits of their operands, sign-extended for s32.
template <class T, bool high>
T multiply24(T a, T b) {
  const s64 x = std::is_signed_v<T> ? s64(s32(u32(a) << 8) >> 8) : s64(u32(a) & 0xffffff);
  const s64 y = std::is_signed_v<T> ? s64(s32(u32(b) << 8) >> 8) : s64(u32(b) & 0xffffff);
  return T(high ? x * y >> 16 : x * y);
}
template <class T, bool high>
flow mul24(warp& w, const instruction& i, u32 mask) {
  return map<T, T, T>(
      w, i, mask, [](T a, T b) { return multiply24<T, high>(a, b); }, i.a, i.b);
}
template <class T, bool high>
flow mad24(warp& w, const instruction& i, u32 mask) {
  return map<T, T, T, T>(
      w, i, mask, [](T a, T b, T c) { return T(u32(multiply24<T, high>(a, b)) + u32(c)); }, i.a, i.b, i.c);
}
void decode_mul24(decoder& d, line& l) {
  const bool high = l.take("hi");
  l.take("lo");
  const type t = l.take_type();
  const bool add_third = l.opcode == "mad24";
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
  const auto c = add_third ? d.source(l, l.at(3), t) : operand{};
  const handler h = for_32(l, t, [&]<class T>(tag<T>) -> handler {
    if (add_third) return high ? mad24<T, true> : mad24<T, false>;
    return high ? mul24<T, true> : mul24<T, false>;
  });
  d.emit(l, h, integer, d.destination(l, l.at(0), t), a, b, c);
}

// dp4a: four products of bytes, added to c. dp2a: two products of 16-bit halves with bytes.
template <bool signed_a, bool signed_b>
flow dp4a(warp& w, const instruction& i, u32 mask) {
  return map<u32, u32, u32, u32>(
      w, i, mask,
      [](u32 a, u32 b, u32 c) {
        for (unsigned k = 0; k < 32; k += 8) {
          const s32 x = signed_a ? s32(s8(a >> k)) : s32(u8(a >> k)), y = signed_b ? s32(s8(b >> k)) : s32(u8(b >> k));
          c += u32(x * y);
        }
        return c;
      },
      i.a, i.b, i.c);
}
template <bool signed_a, bool signed_b, bool high>
flow dp2a(warp& w, const instruction& i, u32 mask) {
  return map<u32, u32, u32, u32>(
      w, i, mask,
      [](u32 a, u32 b, u32 c) {
        const u32 bytes = high ? b >> 16 : b;
        for (unsigned k = 0; k < 2; ++k) {
          const s32 x = signed_a ? s32(s16(a >> (16 * k))) : s32(u16(a >> (16 * k)));
          const s32 y = signed_b ? s32(s8(bytes >> (8 * k))) : s32(u8(bytes >> (8 * k)));
          c += u32(x * y);
        }
        return c;
      },
      i.a, i.b, i.c);
}
void decode_dp(decoder& d, line& l) {
  const bool high = l.take("hi");
  l.take("lo");
  const bool sa = is_signed(l.take_type()), sb = is_signed(l.take_type());
  handler h;
  if (l.opcode == "dp4a")
    h = sa ? sb ? dp4a<true, true> : dp4a<true, false> : sb ? dp4a<false, true> : dp4a<false, false>;
  else if (high)
    h = sa   ? sb ? dp2a<true, true, true> : dp2a<true, false, true>
          : sb ? dp2a<false, true, true>
             : dp2a<false, false, true>;
  else
    h = sa   ? sb ? dp2a<true, true, false> : dp2a<true, false, false>
          : sb ? dp2a<false, true, false>
             : dp2a<false, false, false>;
  const auto a = d.source(l, l.at(1), type::b32), b = d.source(l, l.at(2), type::b32),
             c = d.source(l, l.at(3), type::b32);
  d.emit(l, h, integer, d.destination(l, l.at(0), type::b32), a, b, c);
}

constexpr opcode_row rows[] = {
    {"sad", decode_sad}, {"mul24", decode_mul24}, {"mad24", decode_mul24}, {"dp4a", decode_dp}, {"dp2a", decode_dp},
};

}  // namespace

std::span<const opcode_row> product_opcodes() { return rows; }

}  // namespace sim::ptx

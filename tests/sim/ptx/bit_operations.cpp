// SPDX-License-Identifier: Apache-2.0
// Counting, fields, funnels, three-input logic and permutation of bits.
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
template <class T>
constexpr unsigned width = sizeof(T) * 8;

struct population {
  template <class T>
  u32 operator()(T a) const {
    return u32(std::popcount(a));
  }
};
struct leading_zeros {
  template <class T>
  u32 operator()(T a) const {
    return u32(std::countl_zero(a));
  }
};
struct bit_reverse {
  template <class T>
  T operator()(T a) const {
    T r = 0;
    for (unsigned k = 0; k < width<T>; ++k) r |= T((a >> k & 1) << (width<T> - 1 - k));
    return r;
  }
};
template <bool shift_amount>
struct find_first {
  // The highest bit that differs from the sign; all ones when there is none.
  template <class T>
  u32 operator()(T a) const {
    using U = unsigned_of<T>;
    const U bits = std::is_signed_v<T> && a < 0 ? U(~U(a)) : U(a);
    if (bits == 0) return ~u32{0};
    const u32 place = width<T> - 1 - u32(std::countl_zero(bits));
    return shift_amount ? width<T> - 1 - place : place;
  }
};
struct bit_field_extract {
  template <class T>
  T operator()(T a, u32 b, u32 c) const {
    const u32 position = b & 0xff, length = c & 0xff, top = width<T> - 1;
    if (length == 0) return 0;
    const unsigned_of<T> bits = position > top ? 0 : unsigned_of<T>(a) >> position;
    const auto mask = length >= width<T> ? ~unsigned_of<T>{0} : (unsigned_of<T>{1} << length) - 1;
    const bool sign = std::is_signed_v<T> && (u64(a) >> std::min(position + length - 1, top) & 1) != 0;
    // Bits above the field, and above the register, repeat the sign.
    const u32 have = position > top ? 0 : width<T> - position;
    const auto kept = have >= width<T> ? mask : mask & ((unsigned_of<T>{1} << have) - 1);
    return T((bits & kept) | (sign ? ~kept : 0));
  }
};
struct bit_field_insert {
  template <class T>
  T operator()(T a, T b, u32 c, u32 d) const {
    const u32 position = c & 0xff, length = d & 0xff;
    if (length == 0 || position >= width<T>) return b;
    const T ones = length >= width<T> ? T(~T{0}) : T((T{1} << length) - 1);
    const T mask = T(ones << position);
    return T((b & ~mask) | (T(a << position) & mask));
  }
};
struct bit_mask {
  template <bool clamp>
  static u32 make(u32 a, u32 b) {
    if (clamp ? a >= 32 : false) return 0;
    const u32 position = a & 31, length = clamp ? std::min<u32>(b, 32) : b & 31;
    const u64 ones = length >= 32 ? 0xffffffffu : (u64{1} << length) - 1;
    return u32(ones << position);
  }
};
template <class Op, class T>
flow unary_handler(warp& w, const instruction& i, u32 mask) {
  return map<decltype(Op{}(T{})), T>(
      w, i, mask, [](T a) { return Op{}(a); }, i.a);
}
template <class Op>
handler unary_of(const line& l, type t) {
  return for_integer(l, t, []<class T>(tag<T>) -> handler { return unary_handler<Op, T>; });
}
template <class Op>
handler unary_unsigned_of(const line& l, type t) {
  return for_unsigned(l, t, []<class T>(tag<T>) -> handler { return unary_handler<Op, T>; });
}
void emit_unary(decoder& d, line& l, type result, type t, handler h) {
  const auto a = d.source(l, l.at(1), t);
  d.emit(l, h, integer, d.destination(l, l.at(0), result), a);
}

template <class Op>
void decode_count(decoder& d, line& l) {
  const type t = l.take_type();
  emit_unary(d, l, type::u32, t, unary_unsigned_of<Op>(l, t));
}
void decode_brev(decoder& d, line& l) {
  const type t = l.take_type();
  emit_unary(d, l, t, t, unary_unsigned_of<bit_reverse>(l, t));
}
void decode_bfind(decoder& d, line& l) {
  const bool amount = l.take("shiftamt");
  const type t = l.take_type();
  emit_unary(d, l, type::u32, t, amount ? unary_of<find_first<true>>(l, t) : unary_of<find_first<false>>(l, t));
}

void decode_bfe(decoder& d, line& l) {
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), type::u32), c = d.source(l, l.at(3), type::u32);
  const handler h = for_integer(l, t, []<class T>(tag<T>) -> handler {
    return [](warp& w, const instruction& i, u32 mask) {
      return map<T, T, u32, u32>(
          w, i, mask, [](T x, u32 p, u32 n) { return bit_field_extract{}(x, p, n); }, i.a, i.b, i.c);
    };
  });
  d.emit(l, h, integer, d.destination(l, l.at(0), t), a, b, c);
}
void decode_bfi(decoder& d, line& l) {
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
  const auto c = d.source(l, l.at(3), type::u32), e = d.source(l, l.at(4), type::u32);
  const handler h = for_unsigned(l, t, []<class T>(tag<T>) -> handler {
    return [](warp& w, const instruction& i, u32 mask) {
      return map<T, T, T, u32, u32>(
          w, i, mask, [](T x, T y, u32 p, u32 n) { return bit_field_insert{}(x, y, p, n); }, i.a, i.b, i.c, i.e);
    };
  });
  d.emit(l, h, integer, d.destination(l, l.at(0), t), a, b, c, e);
}
void decode_bmsk(decoder& d, line& l) {
  const bool clamp = !l.take("wrap");
  l.take("clamp");
  l.take_type();
  const auto a = d.source(l, l.at(1), type::u32), b = d.source(l, l.at(2), type::u32);
  const handler h = clamp ? handler([](warp& w, const instruction& i, u32 mask) {
    return map<u32, u32, u32>(
        w, i, mask, [](u32 x, u32 y) { return bit_mask::make<true>(x, y); }, i.a, i.b);
  })
                          : handler([](warp& w, const instruction& i, u32 mask) {
                              return map<u32, u32, u32>(
                                  w, i, mask, [](u32 x, u32 y) { return bit_mask::make<false>(x, y); }, i.a, i.b);
                            });
  d.emit(l, h, integer, d.destination(l, l.at(0), type::u32), a, b);
}

template <bool left, bool wrap>
flow funnel(warp& w, const instruction& i, u32 mask) {
  return map<u32, u32, u32, u32>(
      w, i, mask,
      [](u32 a, u32 b, u32 c) {
        const u32 n = wrap ? c & 31 : std::min<u32>(c, 32);
        const u64 both = u64{b} << 32 | a;
        return left ? u32((n == 32 ? both << 31 << 1 : both << n) >> 32) : u32(both >> n);
      },
      i.a, i.b, i.c);
}
void decode_shf(decoder& d, line& l) {
  const bool left = l.take("l");
  l.take("r");
  const bool wrap = l.take("wrap");
  l.take("clamp");
  l.take_type();
  const auto a = d.source(l, l.at(1), type::b32), b = d.source(l, l.at(2), type::b32),
             c = d.source(l, l.at(3), type::u32);
  const handler h = left   ? wrap ? funnel<true, true> : funnel<true, false>
                      : wrap ? funnel<false, true>
                           : funnel<false, false>;
  d.emit(l, h, integer, d.destination(l, l.at(0), type::b32), a, b, c);
}

flow lop3(warp& w, const instruction& i, u32 mask) {
  const unsigned table = unsigned(i.offset);
  return map<u32, u32, u32, u32>(
      w, i, mask,
      [table](u32 a, u32 b, u32 c) {
        u32 r = 0;
        for (unsigned k = 0; k < 8; ++k) {
          const u32 term = ((k & 4) != 0 ? a : ~a) & ((k & 2) != 0 ? b : ~b) & ((k & 1) != 0 ? c : ~c);
          r |= (table >> k & 1) != 0 ? term : 0;
        }
        return r;
      },
      i.a, i.b, i.c);
}
void decode_lop3(decoder& d, line& l) {
  l.take_type();
  const auto table = read_literal(l.at(4));
  if (!table || l.operands.size() != 5) l.fail("lop3.b32 d, a, b, c, table is expected");
  const auto a = d.source(l, l.at(1), type::b32), b = d.source(l, l.at(2), type::b32),
             c = d.source(l, l.at(3), type::b32);
  d.emit(l, lop3, integer, d.destination(l, l.at(0), type::b32), a, b, c).offset = std::int64_t(table->bits);
}

// The forms of prmt: how the four nibbles of the selector arise.
enum class permute { index, f4e, b4e, rc8, ecl, ecr, rc16 };
template <permute mode>
flow prmt(warp& w, const instruction& i, u32 mask) {
  return map<u32, u32, u32, u32>(
      w, i, mask,
      [](u32 a, u32 b, u32 c) {
        const u64 bytes = u64{b} << 32 | a;
        u32 r = 0;
        for (unsigned k = 0; k < 4; ++k) {
          unsigned select = c & 3;
          if (mode == permute::index) select = c >> (4 * k) & 0xf;
          if (mode == permute::f4e) select = (c & 3) + k;
          if (mode == permute::b4e) select = ((c & 3) - k) & 7;
          if (mode == permute::ecl) select = std::max(k, c & 3);
          if (mode == permute::ecr) select = std::min(k, c & 3);
          if (mode == permute::rc16) select = (c & 1) * 2 + (k & 1);
          u32 byte = u32(bytes >> (8 * (select & 7)) & 0xff);
          if ((select & 8) != 0) byte = (byte & 0x80) != 0 ? 0xff : 0;
          r |= byte << (8 * k);
        }
        return r;
      },
      i.a, i.b, i.c);
}
void decode_prmt(decoder& d, line& l) {
  l.take_type();
  handler h = prmt<permute::index>;
  if (l.take("f4e")) h = prmt<permute::f4e>;
  if (l.take("b4e")) h = prmt<permute::b4e>;
  if (l.take("rc8")) h = prmt<permute::rc8>;
  if (l.take("ecl")) h = prmt<permute::ecl>;
  if (l.take("ecr")) h = prmt<permute::ecr>;
  if (l.take("rc16")) h = prmt<permute::rc16>;
  const auto a = d.source(l, l.at(1), type::b32), b = d.source(l, l.at(2), type::b32),
             c = d.source(l, l.at(3), type::b32);
  d.emit(l, h, integer, d.destination(l, l.at(0), type::b32), a, b, c);
}

flow find_nth_set(warp& w, const instruction& i, u32 mask) {
  return map_active<u32, u32, u32, s32>(
      w, i, mask,
      [](u32 bits, u32 base, s32 offset) {
        s32 at = s32(base), left = offset < 0 ? -offset : offset;
        if (offset == 0) return (bits >> (base & 31) & 1) != 0 ? base : ~u32{0};
        for (; at >= 0 && at<32; at += offset> 0 ? 1 : -1)
          if ((bits >> at & 1) != 0 && --left == 0) return u32(at);
        return ~u32{0};
      },
      i.a, i.b, i.c);
}
void decode_fns(decoder& d, line& l) {
  l.take_type();
  const auto a = d.source(l, l.at(1), type::b32), b = d.source(l, l.at(2), type::b32),
             c = d.source(l, l.at(3), type::b32);
  d.emit(l, find_nth_set, integer, d.destination(l, l.at(0), type::b32), a, b, c);
}

constexpr opcode_row rows[] = {
    {"popc", decode_count<population>},
    {"clz", decode_count<leading_zeros>},
    {"brev", decode_brev},
    {"bfind", decode_bfind},
    {"bfe", decode_bfe},
    {"bfi", decode_bfi},
    {"bmsk", decode_bmsk},
    {"shf", decode_shf},
    {"lop3", decode_lop3},
    {"prmt", decode_prmt},
    {"fns", decode_fns},
};

}  // namespace

std::span<const opcode_row> bit_opcodes() { return rows; }

}  // namespace sim::ptx

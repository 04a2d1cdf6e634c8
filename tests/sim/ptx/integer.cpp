// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic, logic and bit manipulation.
#include <limits>

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

template <class T>
using double_width =
    std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, s32, u32>,
                       std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, s64, u64>,
                                          std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

// Operations on one lane. Division by zero has no defined result in PTX; the hardware gives all ones.
struct add {
  template <class T>
  T operator()(T a, T b) const {
    return T(unsigned_of<T>(a) + unsigned_of<T>(b));
  }
};
struct add_saturated {
  template <class T>
  T operator()(T a, T b) const {
    T r;
    if (!__builtin_add_overflow(a, b, &r)) return r;
    return a < 0 ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  }
};
struct sub {
  template <class T>
  T operator()(T a, T b) const {
    return T(unsigned_of<T>(a) - unsigned_of<T>(b));
  }
};
struct sub_saturated {
  template <class T>
  T operator()(T a, T b) const {
    T r;
    if (!__builtin_sub_overflow(a, b, &r)) return r;
    return a < 0 ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  }
};
struct mul_low {
  template <class T>
  T operator()(T a, T b) const {
    return T(u64(a) * u64(b));
  }
};
struct mul_high {
  template <class T>
  T operator()(T a, T b) const {
    return T(double_width<T>(a) * double_width<T>(b) >> width<T>);
  }
};
struct divide {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return T(-1);
    if (std::is_signed_v<T> && b == T(-1)) return T(0 - unsigned_of<T>(a));
    return T(a / b);
  }
};
struct remainder {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return a;
    if (std::is_signed_v<T> && b == T(-1)) return T(0);
    return T(a % b);
  }
};
struct minimum {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};
struct maximum {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};
struct bit_and {
  template <class T>
  T operator()(T a, T b) const {
    return T(a & b);
  }
};
struct bit_or {
  template <class T>
  T operator()(T a, T b) const {
    return T(a | b);
  }
};
struct bit_xor {
  template <class T>
  T operator()(T a, T b) const {
    return T(a ^ b);
  }
};
struct bit_not {
  template <class T>
  T operator()(T a) const {
    return T(~a);
  }
};
struct logical_not {
  template <class T>
  T operator()(T a) const {
    return T(a == 0);
  }
};
struct negate {
  template <class T>
  T operator()(T a) const {
    return T(0 - unsigned_of<T>(a));
  }
};
struct absolute {
  template <class T>
  T operator()(T a) const {
    return a < 0 ? T(0 - unsigned_of<T>(a)) : a;
  }
};
struct shift_left {
  template <class T>
  T operator()(T a, u32 n) const {
    return n >= width<T> ? T(0) : T(unsigned_of<T>(a) << n);
  }
};
struct shift_right {
  template <class T>
  T operator()(T a, u32 n) const {
    if constexpr (std::is_signed_v<T>) return T(a >> (n >= width<T> ? width<T> - 1 : n));
    return n >= width<T> ? T(0) : T(a >> n);
  }
};
struct multiply_add {
  template <class T>
  T operator()(T a, T b, T c) const {
    return T(u64(a) * u64(b) + u64(c));
  }
};
struct multiply_add_high {
  template <class T>
  T operator()(T a, T b, T c) const {
    return T(unsigned_of<T>(mul_high{}(a, b)) + unsigned_of<T>(c));
  }
};
struct multiply_add_high_saturated {
  s32 operator()(s32 a, s32 b, s32 c) const { return add_saturated{}(mul_high{}(a, b), c); }
};
struct absolute_difference {
  template <class T>
  T operator()(T a, T b, T c) const {
    const unsigned_of<T> d = a < b ? unsigned_of<T>(b) - unsigned_of<T>(a) : unsigned_of<T>(a) - unsigned_of<T>(b);
    return T(unsigned_of<T>(c) + d);
  }
};
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
template <class Op, class T>
flow binary_handler(warp& w, const instruction& i, u32 mask) {
  return map<T, T, T>(
      w, i, mask, [](T a, T b) { return Op{}(a, b); }, i.a, i.b);
}
template <class Op, class T>
flow shift_handler(warp& w, const instruction& i, u32 mask) {
  return map<T, T, u32>(
      w, i, mask, [](T a, u32 b) { return Op{}(a, b); }, i.a, i.b);
}
template <class Op, class T>
flow ternary_handler(warp& w, const instruction& i, u32 mask) {
  return map<T, T, T, T>(
      w, i, mask, [](T a, T b, T c) { return Op{}(a, b, c); }, i.a, i.b, i.c);
}
template <class T>
flow mul_wide_handler(warp& w, const instruction& i, u32 mask) {
  using D = double_width<T>;
  return map<D, T, T>(
      w, i, mask, [](T a, T b) { return D(D(a) * D(b)); }, i.a, i.b);
}
template <class T>
flow mad_wide_handler(warp& w, const instruction& i, u32 mask) {
  using D = double_width<T>;
  using U = std::make_unsigned_t<D>;
  return map<D, T, T, D>(
      w, i, mask, [](T a, T b, D c) { return D(U(D(a) * D(b)) + U(c)); }, i.a, i.b, i.c);
}

template <class Op>
handler unary_of(const line& l, type t) {
  return for_integer(l, t, []<class T>(tag<T>) -> handler { return unary_handler<Op, T>; });
}
template <class Op>
handler binary_of(const line& l, type t) {
  return for_integer(l, t, []<class T>(tag<T>) -> handler { return binary_handler<Op, T>; });
}
template <class Op>
handler unary_unsigned_of(const line& l, type t) {
  return for_unsigned(l, t, []<class T>(tag<T>) -> handler { return unary_handler<Op, T>; });
}

void emit_binary(decoder& d, line& l, type t, handler h) {
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
  d.emit(l, h, integer, d.destination(l, l.at(0), t), a, b);
}
void emit_unary(decoder& d, line& l, type result, type t, handler h) {
  const auto a = d.source(l, l.at(1), t);
  d.emit(l, h, integer, d.destination(l, l.at(0), result), a);
}

// add, sub, mul, mad, div, rem, min, max, abs and neg also exist for floats: those families call these for integers.
void decode_logic(decoder& d, line& l, handler (*of)(const line&, type), handler on_masks) {
  const type t = l.take_type();
  if (t == type::pred) {
    const auto a = d.predicate_source(l, l.at(1));
    const auto b = l.operands.size() > 2 ? d.predicate_source(l, l.at(2)) : operand{};
    d.emit(l, on_masks, integer, d.predicate_destination(l, l.at(0)), a, b);
  } else if (l.operands.size() > 2) {
    emit_binary(d, l, t, of(l, t));
  } else {
    emit_unary(d, l, t, t, of(l, t));
  }
}

template <class Op>
flow mask_handler(warp& w, const instruction& i, u32 mask) {
  write_mask(w, i.d, mask, Op{}(*w.at<u32>(i.a), *w.at<u32>(i.b)));
  return flow::next;
}
flow mask_not(warp& w, const instruction& i, u32 mask) {
  write_mask(w, i.d, mask, ~*w.at<u32>(i.a));
  return flow::next;
}

void decode_and(decoder& d, line& l) { decode_logic(d, l, binary_of<bit_and>, mask_handler<bit_and>); }
void decode_or(decoder& d, line& l) { decode_logic(d, l, binary_of<bit_or>, mask_handler<bit_or>); }
void decode_xor(decoder& d, line& l) { decode_logic(d, l, binary_of<bit_xor>, mask_handler<bit_xor>); }
void decode_not(decoder& d, line& l) { decode_logic(d, l, unary_of<bit_not>, mask_not); }
void decode_cnot(decoder& d, line& l) {
  const type t = l.take_type();
  emit_unary(d, l, t, t, unary_of<logical_not>(l, t));
}

template <class Op>
void decode_shift(decoder& d, line& l) {
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), type::u32);
  const handler h = for_integer(l, t, []<class T>(tag<T>) -> handler { return shift_handler<Op, T>; });
  d.emit(l, h, integer, d.destination(l, l.at(0), t), a, b);
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

void decode_sad(decoder& d, line& l) {
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t), c = d.source(l, l.at(3), t);
  const handler h =
      for_integer(l, t, []<class T>(tag<T>) -> handler { return ternary_handler<absolute_difference, T>; });
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
    {"and", decode_and},
    {"or", decode_or},
    {"xor", decode_xor},
    {"not", decode_not},
    {"cnot", decode_cnot},
    {"shl", decode_shift<shift_left>},
    {"shr", decode_shift<shift_right>},
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
    {"sad", decode_sad},
    {"mul24", decode_mul24},
    {"mad24", decode_mul24},
    {"dp4a", decode_dp},
    {"dp2a", decode_dp},
    {"fns", decode_fns},
};

}  // namespace

void decode_integer_arithmetic(decoder& d, line& l, type t) {
  const auto op = l.opcode;
  if (op == "abs" || op == "neg")
    return emit_unary(d, l, t, t, op == "abs" ? unary_of<absolute>(l, t) : unary_of<negate>(l, t));
  if (op == "mul" || op == "mad") {
    const bool wide = l.take("wide"), high = l.take("hi"), saturate = l.take("sat");
    l.take("lo");
    const type result = !wide              ? t
                        : bytes_of(t) == 2 ? (is_signed(t) ? type::s32 : type::u32)
                                           : (is_signed(t) ? type::s64 : type::u64);
    const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
    const auto c = op == "mad" ? d.source(l, l.at(3), result) : operand{};
    const handler h = for_arithmetic(l, t, [&]<class T>(tag<T>) -> handler {
      if (wide) {
        if constexpr (sizeof(T) < 8) return op == "mad" ? handler(mad_wide_handler<T>) : handler(mul_wide_handler<T>);
        l.fail("there is no wide product of this type");
      }
      if (op == "mul") return high ? binary_handler<mul_high, T> : binary_handler<mul_low, T>;
      if constexpr (std::is_same_v<T, s32>)
        if (saturate) return ternary_handler<multiply_add_high_saturated, T>;
      return high ? ternary_handler<multiply_add_high, T> : ternary_handler<multiply_add, T>;
    });
    d.emit(l, h, integer, d.destination(l, l.at(0), result), a, b, c);
    return;
  }
  const bool saturate = l.take("sat");
  handler h = nullptr;
  if (op == "add")
    h = saturate ? handler(binary_handler<add_saturated, s32>) : binary_of<add>(l, t);
  else if (op == "sub")
    h = saturate ? handler(binary_handler<sub_saturated, s32>) : binary_of<sub>(l, t);
  else if (op == "div")
    h = binary_of<divide>(l, t);
  else if (op == "rem")
    h = binary_of<remainder>(l, t);
  else if (op == "min")
    h = binary_of<minimum>(l, t);
  else
    h = binary_of<maximum>(l, t);
  emit_binary(d, l, t, h);
}

namespace {
template <class Op, class T>
flow packed_handler(warp& w, const instruction& i, u32 mask) {
  return map<u32, u32, u32>(
      w, i, mask,
      [](u32 a, u32 b) { return u32(u16(Op{}(T(a), T(b)))) | u32(u16(Op{}(T(a >> 16), T(b >> 16)))) << 16; }, i.a, i.b);
}
}  // namespace

void decode_packed_integer(decoder& d, line& l, bool is_signed) {
  handler h = nullptr;
  if (l.opcode == "add") h = packed_handler<add, u16>;
  if (l.opcode == "min") h = is_signed ? packed_handler<minimum, s16> : packed_handler<minimum, u16>;
  if (l.opcode == "max") h = is_signed ? packed_handler<maximum, s16> : packed_handler<maximum, u16>;
  if (h == nullptr) l.fail("the instruction has no packed integer form");
  const auto a = d.source(l, l.at(1), type::b32), b = d.source(l, l.at(2), type::b32);
  d.emit(l, h, integer, d.destination(l, l.at(0), type::b32), a, b);
}

std::span<const opcode_row> integer_opcodes() { return rows; }

}  // namespace sim::ptx

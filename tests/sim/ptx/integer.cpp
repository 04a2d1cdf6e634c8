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

constexpr opcode_row rows[] = {
    {"and", decode_and},
    {"or", decode_or},
    {"xor", decode_xor},
    {"not", decode_not},
    {"cnot", decode_cnot},
    {"shl", decode_shift<shift_left>},
    {"shr", decode_shift<shift_right>},
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

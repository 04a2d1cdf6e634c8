// SPDX-License-Identifier: Apache-2.0
// f32 and f64 arithmetic with correct rounding, and the opcodes shared with integers and halves.
#include "carry.hpp"
#include "decode.hpp"
#include "float_math.hpp"
#include "lanes.hpp"
#include "pick.hpp"

namespace sim::ptx {

rounding take_rounding(line& l) {
  const auto mode = l.take_any({"rn", "rz", "rm", "rp"});
  return mode == "rz"   ? rounding::zero
         : mode == "rm" ? rounding::down
         : mode == "rp" ? rounding::up
                        : rounding::nearest;
}

namespace {

struct add {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};
struct sub {
  template <class T>
  T operator()(T a, T b) const {
    return a - b;
  }
};
struct mul {
  template <class T>
  T operator()(T a, T b) const {
    return a * b;
  }
};
struct divide {
  template <class T>
  T operator()(T a, T b) const {
    return a / b;
  }
};
struct divide_approximate {
  // Below a divisor's reciprocal that would be subnormal the hardware's quotient is 0.
  float operator()(float a, float b) const {
    const float r = a / b;
    return std::fabs(b) > 0x1p126f && std::fabs(b) <= std::numeric_limits<float>::max()
               ? std::fabs(a) <= std::numeric_limits<float>::max() ? std::copysign(0.0f, r)
                                                                   : std::numeric_limits<float>::quiet_NaN()
               : r;
  }
};
struct fused {
  float operator()(float a, float b, float c) const { return std::fma(a, b, c); }
  double operator()(double a, double b, double c) const { return std::fma(a, b, c); }
};
struct square_root {
  float operator()(float a) const { return std::sqrt(a); }
  double operator()(double a) const { return std::sqrt(a); }
};
struct reciprocal {
  template <class T>
  T operator()(T a) const {
    return T(1) / a;
  }
};

template <bool ftz, bool sat, class T>
T finished(T r) {
  r = flushed<ftz>(r);
  if constexpr (sat) return saturated(r);
  return canonical(r);
}

template <class Op, class T, bool ftz, bool sat, class... O>
flow nearest(warp& w, const instruction& i, u32 mask, O... sources) {
  return map<T, std::conditional_t<true, T, O>...>(
      w, i, mask, [](auto... x) { return finished<ftz, sat>(Op{}(flushed<ftz>(x)...)); }, sources...);
}
template <class Op, class T, bool ftz, bool sat, class... O>
flow directed(warp& w, const instruction& i, u32 mask, O... sources) {
  const rounding_scope scope(rounding(i.small[0]));
  return map_active<T, std::conditional_t<true, T, O>...>(
      w, i, mask,
      [](auto... x) {
        // The flushing of the result must not move out of the scope either.
        return finished<ftz, sat>(opaque(Op{}(opaque(flushed<ftz>(x))...)));
      },
      sources...);
}

template <class Op, class T, bool ftz, bool sat, unsigned arity>
flow run_operation(warp& w, const instruction& i, u32 mask) {
  if (i.small[0] == unsigned(rounding::nearest)) {
    if constexpr (arity == 1) return nearest<Op, T, ftz, sat>(w, i, mask, i.a);
    if constexpr (arity == 2) return nearest<Op, T, ftz, sat>(w, i, mask, i.a, i.b);
    if constexpr (arity == 3) return nearest<Op, T, ftz, sat>(w, i, mask, i.a, i.b, i.c);
  }
  if constexpr (arity == 1) return directed<Op, T, ftz, sat>(w, i, mask, i.a);
  if constexpr (arity == 2) return directed<Op, T, ftz, sat>(w, i, mask, i.a, i.b);
  if constexpr (arity == 3) return directed<Op, T, ftz, sat>(w, i, mask, i.a, i.b, i.c);
}

template <class Op, unsigned arity>
handler operation(type t, bool ftz, bool sat) {
  if (t == type::f64) return run_operation<Op, double, false, false, arity>;
  if (ftz) return sat ? run_operation<Op, float, true, true, arity> : run_operation<Op, float, true, false, arity>;
  return sat ? run_operation<Op, float, false, true, arity> : run_operation<Op, float, false, false, arity>;
}

template <class Op, unsigned arity>
void emit_operation(decoder& d, line& l, type t) {
  const auto mode = take_rounding(l);
  const bool ftz = l.take("ftz"), sat = l.take("sat");
  operand s[3];
  for (unsigned k = 0; k < arity; ++k) s[k] = d.source(l, l.at(k + 1), t);
  const auto kind = t == type::f64 ? instruction_kind::f64 : instruction_kind::f32;
  d.emit(l, operation<Op, arity>(t, ftz, sat), kind, d.destination(l, l.at(0), t), s[0], s[1], s[2]).small[0] =
      std::uint8_t(mode);
}

template <class T, bool ftz, bool nan, bool largest, bool xorsign>
flow extremum(warp& w, const instruction& i, u32 mask) {
  return map<T, T, T>(
      w, i, mask,
      [](T a, T b) {
        a = flushed<ftz>(a), b = flushed<ftz>(b);
        if constexpr (xorsign) {
          const T x = std::fabs(a), y = std::fabs(b);
          const T r = largest ? greater<nan>(x, y) : lesser<nan>(x, y);
          return std::signbit(a) != std::signbit(b) ? -r : r;
        }
        return largest ? greater<nan>(a, b) : lesser<nan>(a, b);
      },
      i.a, i.b);
}
template <class T, bool ftz, bool largest>
handler extremum_of(bool nan, bool xorsign) {
  if (xorsign) return nan ? extremum<T, ftz, true, largest, true> : extremum<T, ftz, false, largest, true>;
  return nan ? extremum<T, ftz, true, largest, false> : extremum<T, ftz, false, largest, false>;
}
void emit_extremum(decoder& d, line& l, type t, bool largest) {
  const bool ftz = l.take("ftz"), nan = l.take("NaN"), xorsign = l.take("xorsign");
  if (xorsign) l.take("abs");
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
  handler h;
  if (t == type::f64)
    h = largest ? extremum_of<double, false, true>(nan, xorsign) : extremum_of<double, false, false>(nan, xorsign);
  else if (ftz)
    h = largest ? extremum_of<float, true, true>(nan, xorsign) : extremum_of<float, true, false>(nan, xorsign);
  else
    h = largest ? extremum_of<float, false, true>(nan, xorsign) : extremum_of<float, false, false>(nan, xorsign);
  d.emit(l, h, t == type::f64 ? instruction_kind::f64 : instruction_kind::f32, d.destination(l, l.at(0), t), a, b);
}

template <class T, bool ftz, bool negate>
flow sign_operation(warp& w, const instruction& i, u32 mask) {
  return map<T, T>(
      w, i, mask,
      [](T a) {
        a = flushed<ftz>(a);
        return negate ? -a : std::fabs(a);
      },
      i.a);
}
void emit_sign(decoder& d, line& l, type t, bool negate) {
  const bool ftz = l.take("ftz");
  const auto a = d.source(l, l.at(1), t);
  handler h;
  if (t == type::f64)
    h = negate ? sign_operation<double, false, true> : sign_operation<double, false, false>;
  else if (ftz)
    h = negate ? sign_operation<float, true, true> : sign_operation<float, true, false>;
  else
    h = negate ? sign_operation<float, false, true> : sign_operation<float, false, false>;
  d.emit(l, h, t == type::f64 ? instruction_kind::f64 : instruction_kind::f32, d.destination(l, l.at(0), t), a);
}

// One row for each opcode whatever the type: here the type decides the family.
bool is_half(type t) { return t == type::f16 || t == type::f16x2 || t == type::bf16 || t == type::bf16x2; }

template <class F>
void by_type(decoder& d, line& l, F floats) {
  if (decode_with_carry(d, l)) return;
  const auto packed = l.take_any({"u16x2", "s16x2"});
  if (!packed.empty()) return decode_packed_integer(d, l, packed == "s16x2");
  const type t = l.take_type();
  if (is_half(t)) return decode_half_arithmetic(d, l, t);
  if (t != type::f32 && t != type::f64) return decode_integer_arithmetic(d, l, t);
  floats(t);
}

void decode_add(decoder& d, line& l) {
  by_type(d, l, [&](type t) { emit_operation<add, 2>(d, l, t); });
}
void decode_sub(decoder& d, line& l) {
  by_type(d, l, [&](type t) { emit_operation<sub, 2>(d, l, t); });
}
void decode_mul(decoder& d, line& l) {
  by_type(d, l, [&](type t) { emit_operation<mul, 2>(d, l, t); });
}
void decode_fma(decoder& d, line& l) {
  by_type(d, l, [&](type t) { emit_operation<fused, 3>(d, l, t); });
}
void decode_div(decoder& d, line& l) {
  by_type(d, l, [&](type t) {
    if (l.take("approx")) return emit_operation<divide_approximate, 2>(d, l, t);
    l.take("full");  // allowed 2 ulp; correctly rounded here
    emit_operation<divide, 2>(d, l, t);
  });
}
void decode_rem(decoder& d, line& l) { decode_integer_arithmetic(d, l, l.take_type()); }
void decode_min(decoder& d, line& l) {
  by_type(d, l, [&](type t) { emit_extremum(d, l, t, false); });
}
void decode_max(decoder& d, line& l) {
  by_type(d, l, [&](type t) { emit_extremum(d, l, t, true); });
}
void decode_abs(decoder& d, line& l) {
  by_type(d, l, [&](type t) { emit_sign(d, l, t, false); });
}
void decode_neg(decoder& d, line& l) {
  by_type(d, l, [&](type t) { emit_sign(d, l, t, true); });
}

template <class T>
flow copy_sign(warp& w, const instruction& i, u32 mask) {
  return map<T, T, T>(
      w, i, mask, [](T a, T b) { return std::copysign(b, a); }, i.a, i.b);
}
void decode_copysign(decoder& d, line& l) {
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t), b = d.source(l, l.at(2), t);
  const bool wide = t == type::f64;
  d.emit(l, wide ? copy_sign<double> : copy_sign<float>, wide ? instruction_kind::f64 : instruction_kind::f32,
         d.destination(l, l.at(0), t), a, b);
}

template <class T>
flow test_property(warp& w, const instruction& i, u32 mask) {
  const unsigned what = i.small[0];
  write_mask(w, i.d, mask,
             ballot<T>(
                 w,
                 [what](T a) {
                   switch (what) {
                     case 0:
                       return std::isfinite(a);
                     case 1:
                       return std::isinf(a);
                     case 2:
                       return !std::isnan(a);
                     case 3:
                       return std::isnan(a);
                     case 4:
                       return std::isnormal(a);
                     default:
                       return std::fpclassify(a) == FP_SUBNORMAL;
                   }
                 },
                 i.a));
  return flow::next;
}
void decode_testp(decoder& d, line& l) {
  constexpr std::string_view names[] = {"finite", "infinite", "number", "notanumber", "normal", "subnormal"};
  std::uint8_t what = 0;
  while (what < 6 && !l.take(names[what])) ++what;
  if (what == 6) l.fail("testp needs a property");
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t);
  d.emit(l, t == type::f64 ? test_property<double> : test_property<float>,
         t == type::f64 ? instruction_kind::f64 : instruction_kind::f32, d.predicate_destination(l, l.at(0)), a)
      .small[0] = what;
}

constexpr opcode_row rows[] = {
    {"add", decode_add},     {"sub", decode_sub}, {"mul", decode_mul}, {"fma", decode_fma},
    {"mad", decode_fma},     {"div", decode_div}, {"rem", decode_rem}, {"min", decode_min},
    {"max", decode_max},     {"abs", decode_abs}, {"neg", decode_neg}, {"copysign", decode_copysign},
    {"testp", decode_testp},
};

}  // namespace

void decode_rounded_root(decoder& d, line& l, type t) {
  if (l.opcode == "sqrt")
    emit_operation<square_root, 1>(d, l, t);
  else
    emit_operation<reciprocal, 1>(d, l, t);
}

std::span<const opcode_row> floating_opcodes() { return rows; }

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
// Approximations. They are computed in double or with correct rounding and so stay within the errors that the PTX ISA
// documents (ex2 2 ulp, lg2 2^-22, sin and cos 2^-20.5 near zero, tanh 2^-11, rcp, sqrt and rsqrt about 1 ulp); the
// hardware's bits differ.
#include <cmath>

#include "decode.hpp"
#include "float_math.hpp"
#include "half_math.hpp"
#include "lanes.hpp"
#include "pick.hpp"

namespace sim::ptx {
namespace {

constexpr auto special = instruction_kind::special;

/// 2^x: the integral part goes into the exponent, the rest r in [-1/2, 1/2] into the Taylor series of exp(r ln 2),
/// whose first term left out is below 2^-29 of the result.
struct exponential {
  float operator()(float x) const {
    const float bounded = x > -160.0f ? (x < 160.0f ? x : 160.0f) : -160.0f;
    const double shift = 0x1.8p52;
    const double whole = (double(bounded) + shift) - shift;
    const double r = (double(bounded) - whole) * 0.693147180559945309417;
    double p = 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    const double scale = std::bit_cast<double>(u64(s64(s32(whole)) + 1023) << 52);
    const float r32 = float(p * scale);
    return x != x ? x : r32;
  }
};
struct logarithm {
  float operator()(float x) const { return float(std::log2(double(x))); }
};
struct sine {
  float operator()(float x) const { return float(std::sin(double(x))); }
};
struct cosine {
  float operator()(float x) const { return float(std::cos(double(x))); }
};
struct hyperbolic_tangent {
  float operator()(float x) const { return float(std::tanh(double(x))); }
};
struct reciprocal {
  float operator()(float x) const { return 1.0f / x; }
};
struct root {
  float operator()(float x) const { return std::sqrt(x); }
};
struct reciprocal_root {
  float operator()(float x) const { return float(1.0 / std::sqrt(double(x))); }
};

template <class Op, bool ftz>
flow approximate(warp& w, const instruction& i, u32 mask) {
  const auto f = [](float x) { return canonical(flushed<ftz>(Op{}(flushed<ftz>(x)))); };
  if constexpr (std::is_same_v<Op, logarithm> || std::is_same_v<Op, sine> || std::is_same_v<Op, cosine> ||
                std::is_same_v<Op, hyperbolic_tangent>)
    return map_active<float, float>(w, i, mask, f, i.a);
  else
    return map<float, float>(w, i, mask, f, i.a);
}

/// ex2 and tanh of halves: rounded once, from the f32 function's double precision.
template <class Op, class H, bool packed, bool ftz>
flow approximate_half(warp& w, const instruction& i, u32 mask) {
  const auto one = [](u32 a) {
    return u32(flushed_half<H, ftz>(H::from_double(Op{}(H::to_float(flushed_half<H, ftz>(u16(a)))))));
  };
  return map_active<u32, u32>(
      w, i, mask, [&](u32 a) { return packed ? one(a) | one(a >> 16) << 16 : one(a); }, i.a);
}

template <class Op>
void decode_approximate(decoder& d, line& l) {
  constexpr bool two = std::is_same_v<Op, exponential>, is_tanh = std::is_same_v<Op, hyperbolic_tangent>;
  const bool ftz = l.take("ftz");
  l.take("approx");
  const type t = l.take_type();
  const auto a = d.source(l, l.at(1), t);
  handler h = nullptr;
  if (t == type::f32) {
    h = approximate<Op, false>;
    if constexpr (!is_tanh) h = ftz ? approximate<Op, true> : h;
  }
  // Of halves, ex2 of bf16 flushes, and the other forms do not.
  if constexpr (two || is_tanh) {
    if (t == type::f16) h = approximate_half<Op, half_format, false, false>;
    if (t == type::f16x2) h = approximate_half<Op, half_format, true, false>;
    if (t == type::bf16) h = approximate_half<Op, brain_format, false, two>;
    if (t == type::bf16x2) h = approximate_half<Op, brain_format, true, two>;
  }
  const bool brain = t == type::bf16 || t == type::bf16x2, half = t == type::f16 || t == type::f16x2;
  if (h == nullptr || (is_tanh && ftz) || (half && ftz) || (brain && two && !ftz))
    l.fail("the instruction has no form for this type and .ftz");
  d.emit(l, h, special, d.destination(l, l.at(0), t), a);
}

// The f64 forms of rcp.approx.ftz and rsqrt.approx(.ftz) give the high word's precision; here they are exact to double.
template <bool root_too, bool ftz>
flow approximate_double(warp& w, const instruction& i, u32 mask) {
  return map<double, double>(
      w, i, mask,
      [](double x) {
        if (ftz && std::fabs(x) < std::numeric_limits<double>::min()) x = std::copysign(0.0, x);
        double r = root_too ? 1.0 / std::sqrt(x) : 1.0 / x;
        if (ftz && std::fabs(r) < std::numeric_limits<double>::min()) r = std::copysign(0.0, r);
        return r;
      },
      i.a);
}

template <class Op>
void decode_root(decoder& d, line& l) {
  const bool approximation = l.take("approx");
  const type t = l.take_type();
  if (!approximation) return decode_rounded_root(d, l, t);
  const bool ftz = l.take("ftz");
  const auto a = d.source(l, l.at(1), t);
  handler h = ftz ? approximate<Op, true> : approximate<Op, false>;
  if (t == type::f64) {
    if (l.opcode == "sqrt") l.fail("there is no sqrt.approx.f64");
    const bool both = l.opcode == "rsqrt";
    h = both ? (ftz ? approximate_double<true, true> : approximate_double<true, false>)
             : (ftz ? approximate_double<false, true> : approximate_double<false, false>);
  }
  d.emit(l, h, special, d.destination(l, l.at(0), t), a);
}

constexpr opcode_row rows[] = {
    {"ex2", decode_approximate<exponential>},
    {"lg2", decode_approximate<logarithm>},
    {"sin", decode_approximate<sine>},
    {"cos", decode_approximate<cosine>},
    {"tanh", decode_approximate<hyperbolic_tangent>},
    {"rcp", decode_root<reciprocal>},
    {"sqrt", decode_root<root>},
    {"rsqrt", decode_root<reciprocal_root>},
};

}  // namespace

std::span<const opcode_row> special_opcodes() { return rows; }

}  // namespace sim::ptx

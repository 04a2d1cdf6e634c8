// SPDX-License-Identifier: Apache-2.0
// Arithmetic of f16, bf16 and their packed forms, rounded once.
#include "decode.hpp"
#include "half_math.hpp"
#include "lanes.hpp"
#include "pick.hpp"

namespace sim::ptx {
namespace {

// What a handler does besides: instruction::small[0].
constexpr unsigned flush_bit = 1, saturate_bit = 2, relu_bit = 4, nan_bit = 8, xorsign_bit = 16;

// An f32 sum of two halves, rounded again, is rounded right (24 >= 2 x 11 + 2 bits); products and fused sums pass
// through double and rounding to odd.
struct add {
  float operator()(float a, float b, unsigned) const { return a + b; }
};
struct sub {
  float operator()(float a, float b, unsigned) const { return a - b; }
};
struct mul {
  float operator()(float a, float b, unsigned) const { return narrow_to_odd(double(a) * double(b)); }
};
struct fused {
  float operator()(float a, float b, float c, unsigned) const {
    return narrow_to_odd(add_to_odd(double(a) * double(b), double(c)));
  }
};
template <bool largest>
struct extremum {
  float operator()(float a, float b, unsigned flags) const {
    if ((flags & xorsign_bit) != 0) {
      const float x = std::fabs(a), y = std::fabs(b);
      const float r = largest ? greater<false>(x, y) : lesser<false>(x, y);
      return std::signbit(a) != std::signbit(b) ? -r : r;
    }
    const bool nan = (flags & nan_bit) != 0 && (a != a || b != b);
    const float r = largest ? greater<false>(a, b) : lesser<false>(a, b);
    return nan ? std::numeric_limits<float>::quiet_NaN() : r;
  }
};
struct absolute {
  u16 bits(u16 a) const { return a & 0x7fff; }
};
struct negate {
  u16 bits(u16 a) const { return a ^ 0x8000; }
};

// f16 is subnormal without exponent bits; bf16 has the exponent of f32, and .ftz does not exist for it.
inline u16 flush_half(u16 h) { return (h & 0x7c00) == 0 ? h & 0x8000 : h; }

template <class H>
u16 finish(float r, unsigned flags) {
  u16 h = H::from_float(r);
  if ((flags & flush_bit) != 0) h = flush_half(h);
  const bool nan = (h & 0x7fff) > H::format.overflow_bits;
  if ((flags & relu_bit) != 0) h = (h & 0x8000) != 0 && !nan ? 0 : h;
  if ((flags & saturate_bit) != 0) {
    const u16 one = H::from_float(1.0f);
    h = nan || (h & 0x8000) != 0 ? 0 : h > one ? one : h;
  }
  return h;
}

template <class Op, class H, class... U>
u16 one_half(unsigned flags, U... bits) {
  if ((flags & flush_bit) != 0) return finish<H>(Op{}(H::to_float(flush_half(bits))..., flags), flags);
  return finish<H>(Op{}(H::to_float(bits)..., flags), flags);
}

template <class Op, class H, bool packed, class... O>
flow over_halves(warp& w, const instruction& i, u32 mask, O... sources) {
  const unsigned flags = i.small[0];
  return map<u32, std::conditional_t<true, u32, O>...>(
      w, i, mask,
      [flags](auto... x) {
        const u32 low = one_half<Op, H>(flags, u16(x)...);
        if constexpr (!packed) return low;
        return low | u32(one_half<Op, H>(flags, u16(x >> 16)...)) << 16;
      },
      sources...);
}
template <class Op, class H, bool packed, unsigned arity>
flow half_handler(warp& w, const instruction& i, u32 mask) {
  if constexpr (arity == 2) return over_halves<Op, H, packed>(w, i, mask, i.a, i.b);
  if constexpr (arity == 3) return over_halves<Op, H, packed>(w, i, mask, i.a, i.b, i.c);
}
template <class Op, bool packed>
flow bits_handler(warp& w, const instruction& i, u32 mask) {
  const bool flush_too = (i.small[0] & flush_bit) != 0;
  return map<u32, u32>(
      w, i, mask,
      [flush_too](u32 a) {
        if (flush_too) a = u32(flush_half(u16(a))) | u32(flush_half(u16(a >> 16))) << 16;
        const u32 low = Op{}.bits(u16(a));
        return packed ? low | u32(Op{}.bits(u16(a >> 16))) << 16 : low;
      },
      i.a);
}

template <class Op, unsigned arity>
handler half_of(type t) {
  switch (t) {
    case type::f16:
      return half_handler<Op, half_format, false, arity>;
    case type::f16x2:
      return half_handler<Op, half_format, true, arity>;
    case type::bf16:
      return half_handler<Op, brain_format, false, arity>;
    default:
      return half_handler<Op, brain_format, true, arity>;
  }
}

}  // namespace

void decode_half_arithmetic(decoder& d, line& l, type t) {
  l.take("rn");
  unsigned flags = 0;
  if (l.take("ftz")) flags |= flush_bit;
  if (l.take("sat")) flags |= saturate_bit;
  if (l.take("relu")) flags |= relu_bit;
  if (l.take("NaN")) flags |= nan_bit;
  if (l.take("xorsign")) flags |= l.take("abs") ? xorsign_bit : 0u;
  const bool packed = t == type::f16x2 || t == type::bf16x2;
  const auto op = l.opcode;
  handler h = nullptr;
  unsigned arity = 2;
  if (op == "add") h = half_of<add, 2>(t);
  if (op == "sub") h = half_of<sub, 2>(t);
  if (op == "mul") h = half_of<mul, 2>(t);
  if (op == "min") h = half_of<extremum<false>, 2>(t);
  if (op == "max") h = half_of<extremum<true>, 2>(t);
  if (op == "fma") h = half_of<fused, 3>(t), arity = 3;
  if (op == "abs") h = packed ? bits_handler<absolute, true> : bits_handler<absolute, false>, arity = 1;
  if (op == "neg") h = packed ? bits_handler<negate, true> : bits_handler<negate, false>, arity = 1;
  if (h == nullptr) l.fail("the instruction has no form for halves");
  operand s[3];
  for (unsigned k = 0; k < arity; ++k) s[k] = d.source(l, l.at(k + 1), t);
  d.emit(l, h, instruction_kind::f16, d.destination(l, l.at(0), t), s[0], s[1], s[2]).small[0] = std::uint8_t(flags);
}

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
// cvt: every pair of types, rounding, saturation.
#include <cmath>
#include <limits>

#include "convert_value.hpp"
#include "decode.hpp"
#include "half_math.hpp"
#include "lanes.hpp"
#include "pick.hpp"

namespace sim::ptx {
namespace {

constexpr auto conversion = instruction_kind::conversion;

tie tie_of(std::string_view mode) {
  if (mode == "rz" || mode == "rzi") return tie::zero;
  if (mode == "rm" || mode == "rmi") return tie::down;
  if (mode == "rp" || mode == "rpi") return tie::up;
  if (mode == "rna") return tie::away;
  return tie::even;
}

flow convert(warp& w, const instruction& i, u32 mask) {
  const type from = type(i.small[0]), to = type(i.small[1]);
  const bool wide_in = bytes_of(from) == 8, wide_out = bytes_of(to) == 8;
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    const u64 bits = wide_in ? w.at<u64>(i.a)[l] : w.at<u32>(i.a)[l];
    const u64 r = convert_one(bits, from, to, tie(i.small[2]), i.small[3]);
    if (wide_out)
      w.at<u64>(i.d)[l] = r;
    else
      w.at<u32>(i.d)[l] = u32(r);
  }
  return flow::next;
}

// Common pairs at full speed.
template <class D, class S>
flow resize(warp& w, const instruction& i, u32 mask) {
  slot<D>* d = lane_array<D>(w, i.d);
  const slot<S>* a = lane_array<S>(w, i.a);
#pragma GCC ivdep
  for (unsigned l = 0; l < lanes; ++l) {
    const slot<D> r =
        slot<D>(std::conditional_t<std::is_signed_v<D>, std::make_signed_t<slot<D>>, slot<D>>(D(S(a[l]))));
    d[l] = (mask >> l & 1) != 0 ? r : d[l];
  }
  return flow::next;
}
template <class S>
handler resize_to(type to) {
  switch (to) {
    case type::u8:
    case type::b8:
      return resize<u8, S>;
    case type::s8:
      return resize<s8, S>;
    case type::u16:
    case type::b16:
      return resize<u16, S>;
    case type::s16:
      return resize<s16, S>;
    case type::u32:
    case type::b32:
      return resize<u32, S>;
    case type::s32:
      return resize<s32, S>;
    case type::u64:
    case type::b64:
      return resize<u64, S>;
    case type::s64:
      return resize<s64, S>;
    default:
      return nullptr;
  }
}
handler resize_of(type to, type from) {
  switch (from) {
    case type::u8:
    case type::b8:
      return resize_to<u8>(to);
    case type::s8:
      return resize_to<s8>(to);
    case type::u16:
    case type::b16:
      return resize_to<u16>(to);
    case type::s16:
      return resize_to<s16>(to);
    case type::u32:
    case type::b32:
      return resize_to<u32>(to);
    case type::s32:
      return resize_to<s32>(to);
    case type::u64:
    case type::b64:
      return resize_to<u64>(to);
    case type::s64:
      return resize_to<s64>(to);
    default:
      return nullptr;
  }
}
template <class D, class S>
flow to_real(warp& w, const instruction& i, u32 mask) {
  return map<D, S>(
      w, i, mask, [](S a) { return D(a); }, i.a);
}
template <bool toward_zero>
flow f32_to_s32(warp& w, const instruction& i, u32 mask) {
  return map<s32, float>(
      w, i, mask,
      [](float a) {
        const double x = a;  // adding and taking away 1.5 x 2^52 rounds to nearest even
        const double r = toward_zero ? x : (std::fabs(x) < 0x1p31 ? (x + 0x1.8p52) - 0x1.8p52 : x);
        const double low = r > -0x1p31 ? r : -0x1p31, both = low < 2147483647.0 ? low : 2147483647.0;
        return x != x ? 0 : s32(both);
      },
      i.a);
}
template <class H>
flow half_to_f32(warp& w, const instruction& i, u32 mask) {
  return map<float, u32>(
      w, i, mask, [](u32 a) { return canonical(H::to_float(u16(a))); }, i.a);
}
template <class H>
flow f32_to_half(warp& w, const instruction& i, u32 mask) {
  return map<u32, float>(
      w, i, mask, [](float a) { return u32(H::from_float(a)); }, i.a);
}
template <class H>
flow f32_to_half_pair(warp& w, const instruction& i, u32 mask) {
  return map<u32, float, float>(
      w, i, mask, [](float a, float b) { return u32(H::from_float(a)) << 16 | u32(H::from_float(b)); }, i.a, i.b);
}

handler fast_form(type to, type from, tie mode, unsigned flags) {
  if (flags == 0 || flags == integral_bit) {
    if (const auto h = resize_of(to, from)) return h;
    if (to == type::s32 && from == type::f32) {
      if (mode == tie::zero) return f32_to_s32<true>;
      if (mode == tie::even) return f32_to_s32<false>;
    }
  }
  if (flags != 0 || mode != tie::even) return nullptr;
  if (to == type::f32) {
    if (from == type::s32) return to_real<float, s32>;
    if (from == type::u32) return to_real<float, u32>;
    if (from == type::s64) return to_real<float, s64>;
    if (from == type::u64) return to_real<float, u64>;
    if (from == type::f16) return half_to_f32<half_format>;
    if (from == type::bf16) return half_to_f32<brain_format>;
  }
  if (to == type::f64) {
    if (from == type::s32) return to_real<double, s32>;
    if (from == type::u32) return to_real<double, u32>;
    if (from == type::f32) return to_real<double, float>;
  }
  if (from == type::f32) {
    if (to == type::f16) return f32_to_half<half_format>;
    if (to == type::bf16) return f32_to_half<brain_format>;
  }
  return nullptr;
}

// Two values into one register: f16x2, bf16x2 and the 8-bit pairs. The first source is the upper half.
flow convert_pair(warp& w, const instruction& i, u32 mask) {
  const type to = type(i.small[1]);
  const auto mode = tie(i.small[2]);
  const unsigned flags = i.small[3];
  const bool eight = to == type::e4m3x2 || to == type::e5m2x2, packed_source = type(i.small[0]) == type::f16x2;
  const auto& format = to == type::f16x2    ? f16_format
                       : to == type::bf16x2 ? bf16_format
                       : to == type::e4m3x2 ? e4m3_format
                                            : e5m2_format;
  const auto one = [&](double x) {
    if ((flags & relu_bit) != 0 && !(x > 0) && x == x) x = 0;
    return round_to(format, x, mode, (flags & finite_bit) != 0);
  };
  for (u32 m = mask; m != 0; m &= m - 1) {
    const unsigned l = unsigned(std::countr_zero(m));
    const u32 a = w.at<u32>(i.a)[l];
    double high, low;
    if (packed_source)
      high = half_format::to_float(u16(a >> 16)), low = half_format::to_float(u16(a));
    else
      high = std::bit_cast<float>(a), low = std::bit_cast<float>(w.at<u32>(i.b)[l]);
    w.at<u32>(i.d)[l] = one(high) << (eight ? 8 : 16) | one(low);
  }
  return flow::next;
}
flow widen_eight(warp& w, const instruction& i, u32 mask) {
  const auto& format = type(i.small[0]) == type::e4m3x2 ? e4m3_format : e5m2_format;
  const bool relu = (i.small[3] & relu_bit) != 0;
  return map_active<u32, u32>(
      w, i, mask,
      [&](u32 a) {
        const auto one = [&](u32 bits) {
          const double x = widen_from(format, bits & 0xff);
          return u32(half_format::from_double(relu && x < 0 ? 0.0 : x));
        };
        return one(a >> 8) << 16 | one(a);
      },
      i.a);
}

void decode_pack(decoder& d, line& l) {
  l.take("sat");
  const type to = l.take_type(), from = l.take_type();
  const bool third = bytes_of(to) == 1;
  if (third) l.take_type();
  const auto a = d.source(l, l.at(1), from), b = d.source(l, l.at(2), from);
  const auto c = third ? d.source(l, l.at(3), type::b32) : d.constant(0, 4);
  const handler h = [](warp& w, const instruction& i, u32 mask) {
    const type t = type(i.small[1]);
    return map_active<u32, u32, u32, u32>(
        w, i, mask,
        [t](u32 x, u32 y, u32 z) {
          const auto one = [t](u32 v) { return u32(convert_one(v, type::s32, t, tie::even, saturate_bit)); };
          if (bytes_of(t) == 1) return z << 16 | (one(x) & 0xff) << 8 | (one(y) & 0xff);
          return one(x) << 16 | (one(y) & 0xffff);
        },
        i.a, i.b, i.c);
  };
  d.emit(l, h, conversion, d.destination(l, l.at(0), type::b32), a, b, c).small[1] = std::uint8_t(to);
}

void decode_cvt(decoder& d, line& l) {
  if (l.take("pack")) return decode_pack(d, l);
  const auto mode_name = l.take_any({"rn", "rz", "rm", "rp", "rna", "rni", "rzi", "rmi", "rpi"});
  unsigned flags = 0;
  if (l.take("ftz")) flags |= flush_bit;
  if (l.take("sat")) flags |= saturate_bit;
  if (l.take("relu")) flags |= relu_bit;
  if (l.take("satfinite")) flags |= finite_bit;
  if (mode_name.size() == 3 && mode_name != "rna") flags |= integral_bit;
  const type to = l.take_type(), from = l.take_type();
  if (to == type::none || from == type::none) l.fail("cvt needs two types");
  const tie mode = tie_of(mode_name);
  const auto remember = [&](instruction& made) {
    made.small[0] = std::uint8_t(from);
    made.small[1] = std::uint8_t(to);
    made.small[2] = std::uint8_t(mode);
    made.small[3] = std::uint8_t(flags);
  };
  const bool pair = to == type::f16x2 || to == type::bf16x2 || to == type::e4m3x2 || to == type::e5m2x2;
  if (pair && (from == type::e4m3x2 || from == type::e5m2x2)) {
    if (to != type::f16x2) l.fail("8-bit floats widen to f16x2 only");
    const auto a = d.source(l, l.at(1), type::b16);
    remember(d.emit(l, widen_eight, conversion, d.destination(l, l.at(0), type::b32), a));
    return;
  }
  if (pair) {
    const bool packed_source = from == type::f16x2;
    if (!packed_source && from != type::f32) l.fail("this pair of types is not known");
    const auto a = d.source(l, l.at(1), from);
    const auto b = packed_source ? operand{} : d.source(l, l.at(2), from);
    handler h = convert_pair;
    if (flags == 0 && mode == tie::even && to == type::f16x2) h = f32_to_half_pair<half_format>;
    if (flags == 0 && mode == tie::even && to == type::bf16x2) h = f32_to_half_pair<brain_format>;
    const auto result = bytes_of(to) == 2 ? type::b16 : type::b32;
    remember(d.emit(l, h, conversion, d.destination(l, l.at(0), result), a, b));
    return;
  }
  const auto a = d.source(l, l.at(1), from);
  handler h = fast_form(to, from, mode, flags);
  if (h == nullptr) h = convert;
  remember(d.emit(l, h, conversion, d.destination(l, l.at(0), to), a));
}

constexpr opcode_row rows[] = {{"cvt", decode_cvt}};

}  // namespace

std::span<const opcode_row> convert_opcodes() { return rows; }

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
// From a PTX type to the instance of a handler template: f(tag<T>{}) for the T that `t` stands for.
#pragma once

#include "decode.hpp"
#include "lanes.hpp"

namespace sim::ptx {

/// 16, 32 and 64 bits, signed as the type says; untyped bits are unsigned.
template <class F>
handler for_arithmetic(const line& l, type t, F f) {
  switch (t) {
    case type::b16:
    case type::u16:
      return f(tag<u16>{});
    case type::s16:
      return f(tag<s16>{});
    case type::b32:
    case type::u32:
      return f(tag<u32>{});
    case type::s32:
      return f(tag<s32>{});
    case type::b64:
    case type::u64:
      return f(tag<u64>{});
    case type::s64:
      return f(tag<s64>{});
    default:
      l.fail("the instruction has no form for this type");
  }
}
template <class F>
handler for_integer(const line& l, type t, F f) {
  return for_arithmetic(l, t, f);
}
template <class F>
handler for_unsigned(const line& l, type t, F f) {
  switch (bytes_of(t)) {
    case 2:
      return f(tag<u16>{});
    case 4:
      return f(tag<u32>{});
    case 8:
      return f(tag<u64>{});
    default:
      l.fail("the instruction has no form for this type");
  }
}
template <class F>
handler for_32(const line& l, type t, F f) {
  if (bytes_of(t) != 4) l.fail("32 bits are expected");
  return is_signed(t) ? f(tag<s32>{}) : f(tag<u32>{});
}

/// add, sub, mul, mad, div, rem, min, max, abs, neg of integers.
void decode_integer_arithmetic(decoder& d, line& l, type t);
/// add, sub, mul, fma, min, max, abs, neg of f16, bf16 and their packed forms.
void decode_half_arithmetic(decoder& d, line& l, type t);

/// add, min, max of .u16x2 and .s16x2.
void decode_packed_integer(decoder& d, line& l, bool is_signed);
/// sqrt and rcp with a rounding mode.
void decode_rounded_root(decoder& d, line& l, type t);

}  // namespace sim::ptx

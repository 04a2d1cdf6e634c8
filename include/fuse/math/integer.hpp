// SPDX-License-Identifier: Apache-2.0
// Shifts and divisions of integers, defined for every operand: no trap, no undefined result.
#pragma once
#include <fuse/math/pack.hpp>

namespace fuse::math {

namespace integers {
template <class V>
inline constexpr scalar_of<V> width = scalar_of<V>(8 * sizeof(scalar_of<V>));

/// -a modulo 2^bits.
template <class V>
FUSE_HD V negative(V a) {
  if constexpr (is_pack<V>)
    return V(0) - a;
  else
    return V(0 - std::make_unsigned_t<V>(a));
}

template <class V>
struct division {
  V quotient, remainder;
};
/// Truncating division: 0 and 0 where b is 0; a = quotient * b + remainder modulo 2^bits elsewhere.
template <class V>
FUSE_HD division<V> truncating(V a, V b) {
  const V divisor = select((b == V(0)) | (b == V(-1)), V(1), b);  // the most negative value / -1 would trap
  const V q = a / divisor, r = a - q * divisor;
  return {select(b == V(0), V(0), select(b == V(-1), negative(a), q)), r};
}
/// Flooring division: the remainder has the sign of b.
template <class V>
FUSE_HD division<V> flooring(V a, V b) {
  const division<V> d = truncating(a, b);
  const auto below = (d.remainder != V(0)) & ((d.remainder < V(0)) ^ (b < V(0)));
  return {d.quotient - select(below, V(1), V(0)), d.remainder + select(below, b, V(0))};
}
}  // namespace integers

/// a 2^b modulo 2^bits: 0 where b is outside [0, bits).
template <class V>
FUSE_HD V shift_left(V a, V b) {
  const auto inside = (b >= V(0)) & (b < integers::width<V>);
  return select(inside, a << select(inside, b, V(0)), V(0));
}
/// floor(a / 2^b): the sign in every bit where b is outside [0, bits).
template <class V>
FUSE_HD V shift_right(V a, V b) {
  return a >> select((b >= V(0)) & (b < integers::width<V>), b, V(integers::width<V> - 1));
}

}  // namespace fuse::math

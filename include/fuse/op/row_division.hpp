// SPDX-License-Identifier: Apache-2.0
// Division of many elements by one value of their row, in two steps that plans put in place of `divide`: the inverse of
// the divisor once a row, then three multiplications an element where a division takes as long as ten.
#pragma once
#include <fuse/math/bits.hpp>
#include <fuse/math/fma.hpp>
#include <fuse/math/root.hpp>
#include <fuse/op/op_info.hpp>

namespace fuse::ops {

/// 1 / b where that is accurate and neither it nor b is near the ends of the range, else NaN.
struct inverse_t {
  static constexpr const char* name = "inverse";
  static constexpr int arity = 1;
  static constexpr bool integers = false;
  template <class V>
  FUSE_HD V operator()(V b) const {
    const V size = math::abs(b);
    return select((size > V(0x1p-125f)) & (size < V(0x1p125f)), V(1) / b, V(__builtin_nanf("")));
  }
};

/// a / b with the inverse of b: correctly rounded where the result is normal, at most one unit in the last place off
/// where it is subnormal. Source: Markstein, "Computation of elementary functions on the IBM RISC System/6000
/// processor" (1990), section 6.
struct divide_by_t {
  static constexpr const char* name = "divide";
  static constexpr int arity = 3;
  static constexpr bool integers = false;
  template <class V>
  FUSE_HD V operator()(V a, V b, V inverse) const {
    const V near = a * inverse, exact = math::fma(math::fma(-near, b, a), inverse, near);
    // NaN: an operand or a product is out of range. The remainder of a zero has lost its sign.
    return has_nan(exact) ? a / b : math::copysign(exact, near);
  }

 private:
  FUSE_UNCHECKED
  template <class V>
  FUSE_HD static bool has_nan(V x) {
    if constexpr (std::is_same_v<scalar_of<V>, float> && is_pack<V>)
      return math::instructions::any_nan(x);
    else if constexpr (is_pack<V>)
      return packs::any(x != x);
    else
      return x != x;
  }
};

}  // namespace fuse::ops

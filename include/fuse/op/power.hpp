// SPDX-License-Identifier: Apache-2.0
// pow.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/power.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// base^exponent, with C's special values. Integers multiply modulo 2^bits, and a negative exponent gives what
/// rounding towards zero leaves: 1 for base 1, 1 or -1 for base -1, else 0.
struct pow_t : same<2> {
  static constexpr const char* name = "pow";
  template <class V>
  FUSE_HD V operator()(V base, V exponent) const {
    return math::pow(base, exponent);
  }
};

}  // namespace ops

inline constexpr op<ops::pow_t> pow{};

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// minimum, maximum, clamp: NaN in an operand is NaN in the result.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/minmax.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// The smaller operand; NaN if either is.
struct minimum_t : choice<2> {
  static constexpr const char* name = "minimum";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return math::minimum(a, b);
  }
};

/// The larger operand; NaN if either is.
struct maximum_t : choice<2> {
  static constexpr const char* name = "maximum";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return math::maximum(a, b);
  }
};

/// x limited to [low, high]; high where low > high.
struct clamp_t : choice<3> {
  static constexpr const char* name = "clamp";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V x, V low, V high) const {
    return math::minimum(math::maximum(x, low), high);
  }
};

}  // namespace ops

inline constexpr op<ops::minimum_t> minimum{};
inline constexpr op<ops::maximum_t> maximum{};
inline constexpr op<ops::clamp_t> clamp{};

}  // namespace fuse

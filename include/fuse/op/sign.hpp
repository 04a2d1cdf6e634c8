// SPDX-License-Identifier: Apache-2.0
// abs, sign.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/bits.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// The magnitude of x; the most negative integer stays what it is.
struct abs_t : same<1> {
  static constexpr const char* name = "abs";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::abs(x);
  }
};

/// 1, 0 or -1; 0 for NaN.
struct sign_t : same<1> {
  static constexpr const char* name = "sign";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V x) const {
    return select(x > V(0), V(1), select(x < V(0), V(-1), V(0)));
  }
};

}  // namespace ops

inline constexpr op<ops::abs_t> abs{};
inline constexpr op<ops::sign_t> sign{};

}  // namespace fuse

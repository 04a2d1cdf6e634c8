// SPDX-License-Identifier: Apache-2.0
// isnan, isinf: bool results; false for every integer.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/minmax.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// Whether x is NaN; false for integers.
struct isnan_t : predicate<1> {
  static constexpr const char* name = "isnan";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V x) const {
    return select(math::is_nan(x), V(1), V(0));
  }
};

/// Whether x is infinite, of either sign; false for integers.
struct isinf_t : predicate<1> {
  static constexpr const char* name = "isinf";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V x) const {
    return select(math::is_infinite(x), V(1), V(0));
  }
};

}  // namespace ops

inline constexpr op<ops::isnan_t> isnan{};
inline constexpr op<ops::isinf_t> isinf{};

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// sqrt, rsqrt, reciprocal.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/root.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// Correctly rounded; NaN below zero.
struct sqrt_t : floating<1> {
  static constexpr const char* name = "sqrt";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::sqrt(x);
  }
};

/// 1 / sqrt(x).
struct rsqrt_t : floating<1> {
  static constexpr const char* name = "rsqrt";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::rsqrt(x);
  }
};

/// 1 / x.
struct reciprocal_t : floating<1> {
  static constexpr const char* name = "reciprocal";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::reciprocal(x);
  }
};

}  // namespace ops

inline constexpr op<ops::sqrt_t> sqrt{};
inline constexpr op<ops::rsqrt_t> rsqrt{};
inline constexpr op<ops::reciprocal_t> reciprocal{};

}  // namespace fuse

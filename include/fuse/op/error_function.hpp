// SPDX-License-Identifier: Apache-2.0
// erf, erfc.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/error_function.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.
struct erf_t : transcendental<1> {
  static constexpr const char* name = "erf";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::erf(x);
  }
};

/// 1 - erf(x), precise where erf(x) is near 1.
struct erfc_t : transcendental<1> {
  static constexpr const char* name = "erfc";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::erfc(x);
  }
};

}  // namespace ops

inline constexpr op<ops::erf_t> erf{};
inline constexpr op<ops::erfc_t> erfc{};

}  // namespace fuse

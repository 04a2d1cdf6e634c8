// SPDX-License-Identifier: Apache-2.0
// erf, erfc.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/error_function.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

struct erf_t : transcendental<1> {
  static constexpr const char* name = "erf";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::erf(x);
  }
};

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

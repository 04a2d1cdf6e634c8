// SPDX-License-Identifier: Apache-2.0
// lerp, fma.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/fma.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// a + weight (b - a), exact at weights 0 and 1.
struct lerp_t : floating<3> {
  static constexpr const char* name = "lerp";
  template <class V>
  FUSE_HD V operator()(V a, V b, V weight) const {
    return select(weight < V(0.5f), math::fma(weight, b - a, a), math::fma(weight - V(1), b - a, b));
  }
};

/// a b + c, rounded once; modulo 2^bits for integers.
struct fma_t : same<3> {
  static constexpr const char* name = "fma";
  template <class V>
  FUSE_HD V operator()(V a, V b, V c) const {
    return math::fma(a, b, c);
  }
};

}  // namespace ops

inline constexpr op<ops::lerp_t> lerp{};
inline constexpr op<ops::fma_t> fma{};

}  // namespace fuse

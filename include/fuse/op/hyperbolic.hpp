// SPDX-License-Identifier: Apache-2.0
// sinh, cosh, tanh.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/hyperbolic.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// (e^x - e^-x) / 2.
struct sinh_t : transcendental<1> {
  static constexpr const char* name = "sinh";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::sinh(x);
  }
};

/// (e^x + e^-x) / 2.
struct cosh_t : transcendental<1> {
  static constexpr const char* name = "cosh";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::cosh(x);
  }
};

/// (e^x - e^-x) / (e^x + e^-x).
struct tanh_t : transcendental<1> {
  static constexpr const char* name = "tanh";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::tanh(x);
  }
};

}  // namespace ops

inline constexpr op<ops::sinh_t> sinh{};
inline constexpr op<ops::cosh_t> cosh{};
inline constexpr op<ops::tanh_t> tanh{};

}  // namespace fuse

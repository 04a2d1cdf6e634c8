// SPDX-License-Identifier: Apache-2.0
// sin, cos, tan, asin, acos, atan, atan2: angles in radians.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/inverse_trigonometric.hpp>
#include <fuse/math/trigonometric.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// The sine of x in radians, of any size.
struct sin_t : transcendental<1> {
  static constexpr const char* name = "sin";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::sin(x);
  }
};

/// The cosine of x in radians, of any size.
struct cos_t : transcendental<1> {
  static constexpr const char* name = "cos";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::cos(x);
  }
};

/// The tangent of x in radians, of any size.
struct tan_t : transcendental<1> {
  static constexpr const char* name = "tan";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::tan(x);
  }
};

/// The arc sine, in [-pi/2, pi/2]; NaN outside [-1, 1].
struct asin_t : transcendental<1> {
  static constexpr const char* name = "asin";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::asin(x);
  }
};

/// The arc cosine, in [0, pi]; NaN outside [-1, 1].
struct acos_t : transcendental<1> {
  static constexpr const char* name = "acos";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::acos(x);
  }
};

/// The arc tangent, in [-pi/2, pi/2].
struct atan_t : transcendental<1> {
  static constexpr const char* name = "atan";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::atan(x);
  }
};

/// The angle of the point (x, y), in [-pi, pi], with C's values at zeros and infinities.
struct atan2_t : transcendental<2> {
  static constexpr const char* name = "atan2";
  template <class V>
  FUSE_HD V operator()(V y, V x) const {
    return math::atan2(y, x);
  }
};

}  // namespace ops

inline constexpr op<ops::sin_t> sin{};
inline constexpr op<ops::cos_t> cos{};
inline constexpr op<ops::tan_t> tan{};
inline constexpr op<ops::asin_t> asin{};
inline constexpr op<ops::acos_t> acos{};
inline constexpr op<ops::atan_t> atan{};
inline constexpr op<ops::atan2_t> atan2{};

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// fmod, remainder, floor_divide: the parts of a division, as PyTorch defines them.
// Integer division by zero gives 0.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/division.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// a - b trunc(a / b), exact, with the sign of a; NaN where b is 0.
struct fmod_t : same<2> {
  static constexpr const char* name = "fmod";
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return math::fmod(a, b);
  }
};

/// a - b floor(a / b), with the sign of b (Python's %).
struct remainder_t : same<2> {
  static constexpr const char* name = "remainder";
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return math::remainder(a, b);
  }
};

/// floor(a / b) of the exact quotient; a / b where b is 0 (integers: 0).
struct floor_divide_t : same<2> {
  static constexpr const char* name = "floor_divide";
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return math::floor_divide(a, b);
  }
};

}  // namespace ops

inline constexpr op<ops::fmod_t> fmod{};
inline constexpr op<ops::remainder_t> remainder{};
inline constexpr op<ops::floor_divide_t> floor_divide{};

template <class A, class B>
requires with_expression<A, B>
constexpr auto operator%(const A& a, const B& b) { return remainder(a, b); }

}  // namespace fuse

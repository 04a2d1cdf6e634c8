// SPDX-License-Identifier: Apache-2.0
// floor, ceil, round, trunc (integers are their own), frac.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/round.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// The largest whole number up to x; integers stay.
struct floor_t : same<1> {
  static constexpr const char* name = "floor";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::floor(x);
  }
};

/// The smallest whole number from x on; integers stay.
struct ceil_t : same<1> {
  static constexpr const char* name = "ceil";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::ceil(x);
  }
};

/// Halves to the even neighbour.
struct round_t : same<1> {
  static constexpr const char* name = "round";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::round(x);
  }
};

/// x without its fraction; integers stay.
struct trunc_t : same<1> {
  static constexpr const char* name = "trunc";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::trunc(x);
  }
};

/// x - trunc(x); NaN for an infinity.
struct frac_t : floating<1> {
  static constexpr const char* name = "frac";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return x - math::trunc(x);
  }
};

}  // namespace ops

inline constexpr op<ops::floor_t> floor{};
inline constexpr op<ops::ceil_t> ceil{};
inline constexpr op<ops::round_t> round{};
inline constexpr op<ops::trunc_t> trunc{};
inline constexpr op<ops::frac_t> frac{};

}  // namespace fuse

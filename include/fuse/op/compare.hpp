// SPDX-License-Identifier: Apache-2.0
// Comparisons: bool results. NaN is unequal to everything and in no order.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// Whether a equals b; false if either is NaN.
struct equal_t : comparison<2> {
  static constexpr const char* name = "equal";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select(a == b, V(1), V(0));
  }
};

/// Whether a differs from b; true if either is NaN.
struct not_equal_t : comparison<2> {
  static constexpr const char* name = "not_equal";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select(a != b, V(1), V(0));
  }
};

/// Whether a < b; false if either is NaN.
struct less_t : comparison<2> {
  static constexpr const char* name = "less";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select(a < b, V(1), V(0));
  }
};

/// Whether a <= b; false if either is NaN.
struct less_equal_t : comparison<2> {
  static constexpr const char* name = "less_equal";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select(a <= b, V(1), V(0));
  }
};

/// Whether a > b; false if either is NaN.
struct greater_t : comparison<2> {
  static constexpr const char* name = "greater";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select(a > b, V(1), V(0));
  }
};

/// Whether a >= b; false if either is NaN.
struct greater_equal_t : comparison<2> {
  static constexpr const char* name = "greater_equal";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select(a >= b, V(1), V(0));
  }
};

}  // namespace ops

inline constexpr op<ops::equal_t> equal{};
inline constexpr op<ops::not_equal_t> not_equal{};
inline constexpr op<ops::less_t> less{};
inline constexpr op<ops::less_equal_t> less_equal{};
inline constexpr op<ops::greater_t> greater{};
inline constexpr op<ops::greater_equal_t> greater_equal{};

template <class A, class B>
requires with_expression<A, B>
constexpr auto operator==(const A& a, const B& b) { return equal(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator!=(const A& a, const B& b) { return not_equal(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator<(const A& a, const B& b) { return less(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator<=(const A& a, const B& b) { return less_equal(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator>(const A& a, const B& b) { return greater(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator>=(const A& a, const B& b) { return greater_equal(a, b); }

}  // namespace fuse

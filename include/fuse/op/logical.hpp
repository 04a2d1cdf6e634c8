// SPDX-License-Identifier: Apache-2.0
// Logical operations: an operand is true where it is not zero (NaN is true); bool results.
// The operators evaluate both operands, everywhere.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// Whether both are not zero; NaN is not zero.
struct logical_and_t : predicate<2> {
  static constexpr const char* name = "logical_and";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select((a != V(0)) & (b != V(0)), V(1), V(0));
  }
};

/// Whether one of them is not zero; NaN is not zero.
struct logical_or_t : predicate<2> {
  static constexpr const char* name = "logical_or";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select((a != V(0)) | (b != V(0)), V(1), V(0));
  }
};

/// Whether exactly one of them is not zero; NaN is not zero.
struct logical_xor_t : predicate<2> {
  static constexpr const char* name = "logical_xor";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return select((a != V(0)) ^ (b != V(0)), V(1), V(0));
  }
};

/// Whether x is zero.
struct logical_not_t : predicate<1> {
  static constexpr const char* name = "logical_not";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a) const {
    return select(a == V(0), V(1), V(0));
  }
};

}  // namespace ops

inline constexpr op<ops::logical_and_t> logical_and{};
inline constexpr op<ops::logical_or_t> logical_or{};
inline constexpr op<ops::logical_xor_t> logical_xor{};
inline constexpr op<ops::logical_not_t> logical_not{};

template <class A, class B>
requires with_expression<A, B>
constexpr auto operator&&(const A& a, const B& b) { return logical_and(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator||(const A& a, const B& b) { return logical_or(a, b); }
template <expression A>
constexpr auto operator!(A a) {
  return logical_not(a);
}

}  // namespace fuse

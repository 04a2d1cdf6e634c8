// SPDX-License-Identifier: Apache-2.0
// Bitwise operations and shifts, on integers and bool.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/integer.hpp>
#include <fuse/op/logical.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// The bits set in both.
struct bitwise_and_t : integral<2> {
  static constexpr const char* name = "bitwise_and";
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return a & b;
  }
};

/// The bits set in one of them or in both.
struct bitwise_or_t : integral<2> {
  static constexpr const char* name = "bitwise_or";
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return a | b;
  }
};

/// The bits set in exactly one of them.
struct bitwise_xor_t : integral<2> {
  static constexpr const char* name = "bitwise_xor";
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return a ^ b;
  }
};

/// The bits not set; of bool, whether x is false.
struct bitwise_not_t : integral<1> {
  static constexpr const char* name = "bitwise_not";
  template <class V>
  FUSE_HD V operator()(V a) const {
    return ~a;
  }
};

/// a 2^b modulo 2^bits; 0 where b is negative or at least the width of the compute type.
struct shift_left_t : integral<2> {
  static constexpr const char* name = "shift_left";
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return math::shift_left(a, b);
  }
};

/// Keeps the sign; where b is negative or at least the width, every bit is the sign.
struct shift_right_t : integral<2> {
  static constexpr const char* name = "shift_right";
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return math::shift_right(a, b);
  }
};

}  // namespace ops

inline constexpr op<ops::bitwise_and_t> bitwise_and{};
inline constexpr op<ops::bitwise_or_t> bitwise_or{};
inline constexpr op<ops::bitwise_xor_t> bitwise_xor{};
inline constexpr op<ops::shift_left_t> shift_left{};
inline constexpr op<ops::shift_right_t> shift_right{};

/// ~x; on bool the logical negation.
struct bitwise_not_function {
  template <expression A>
  constexpr auto operator()(A x) const {
    if constexpr (A::type == dtype::boolean)
      return logical_not(x);
    else
      return op<ops::bitwise_not_t>{}(x);
  }
};
inline constexpr bitwise_not_function bitwise_not{};

template <class A, class B>
requires with_expression<A, B>
constexpr auto operator&(const A& a, const B& b) { return bitwise_and(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator|(const A& a, const B& b) { return bitwise_or(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator^(const A& a, const B& b) { return bitwise_xor(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator<<(const A& a, const B& b) { return shift_left(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator>>(const A& a, const B& b) { return shift_right(a, b); }
template <expression A>
constexpr auto operator~(A a) {
  return bitwise_not(a);
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// add, subtract, multiply, divide, negate: the operators of plain arithmetic.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/fma.hpp>

namespace fuse {
namespace ops {

/// The sum; modulo 2^bits for integers.
struct add_t {
  static constexpr const char* name = "add";
  static constexpr int arity = 2;
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return math::rounded_sum(a, b);
  }
};

/// The difference; modulo 2^bits for integers.
struct subtract_t {
  static constexpr const char* name = "subtract";
  static constexpr int arity = 2;
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return math::rounded_difference(a, b);
  }
};

/// The product; modulo 2^bits for integers.
struct multiply_t {
  static constexpr const char* name = "multiply";
  static constexpr int arity = 2;
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a, V b) const {
    return math::rounded_product(a, b);
  }
};

/// True division: integers become f32 first, as in PyTorch. Correctly rounded.
struct divide_t {
  static constexpr const char* name = "divide";
  static constexpr int arity = 2;
  static constexpr bool integers = false;
  static constexpr result_rule result = result_rule::floating;
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return a / b;
  }
};

/// -a; the most negative integer stays what it is.
struct negative_t {
  static constexpr const char* name = "negative";
  static constexpr int arity = 1;
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V a) const {
    return -a;
  }
};

}  // namespace ops

inline constexpr op<ops::add_t> add{};
inline constexpr op<ops::subtract_t> subtract{};
inline constexpr op<ops::multiply_t> multiply{};
inline constexpr op<ops::divide_t> divide{};
inline constexpr op<ops::negative_t> negative{};

template <class A, class B>
requires with_expression<A, B>
constexpr auto operator+(const A& a, const B& b) { return add(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator-(const A& a, const B& b) { return subtract(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator*(const A& a, const B& b) { return multiply(a, b); }
template <class A, class B>
requires with_expression<A, B>
constexpr auto operator/(const A& a, const B& b) { return divide(a, b); }
template <expression A>
constexpr auto operator-(A a) {
  return negative(a);
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// What the functors of the library's operations have in common, as bases of the functors.
#pragma once
#include <fuse/expr/scalar.hpp>
#include <fuse/op/op_info.hpp>

namespace fuse::ops {

/// N operands of any dtype; the result has their promoted dtype.
template <int N>
struct same {
  static constexpr int arity = N;
};

/// N operands; integers and bool are converted to f32 first, as in PyTorch.
template <int N>
struct floating {
  static constexpr int arity = N;
  static constexpr bool integers = false;
  static constexpr result_rule result = result_rule::floating;
};

/// A floating operation that costs as much as an exponential (an estimate for cost models).
template <int N>
struct transcendental : floating<N> {
  static constexpr double flops = 10;
};

/// N operands of any dtype; the result is bool. The call operator returns 1 or 0 in the operands' compute type.
template <int N>
struct predicate {
  static constexpr int arity = N;
  static constexpr result_rule result = result_rule::boolean;
};

/// A predicate that says how N numbers compare.
template <int N>
struct comparison : predicate<N> {
  static constexpr scalar_use use_of_scalars = scalar_use::compared;
};

/// N operands of which one is the result.
template <int N>
struct choice : same<N> {
  static constexpr scalar_use use_of_scalars = scalar_use::chosen;
};

/// N operands that are integers or bool.
template <int N>
struct integral {
  static constexpr int arity = N;
  static constexpr bool floats = false;
};

}  // namespace fuse::ops

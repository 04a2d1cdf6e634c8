// SPDX-License-Identifier: Apache-2.0
// The cross-entropy of rows of logits against the right classes.
#pragma once
#include <fuse/op/reductions.hpp>

namespace fuse::nn {

/// The target that takes no part in a loss: PyTorch's ignore_index.
inline constexpr int ignored_target = -100;

/// cross_entropy(logits, targets): logits (..., classes), targets (...) of integers -> the loss of each row (...),
/// -log(softmax(logits)[target]). A target of ignored_target gives 0, any other outside 0 ... classes - 1 gives NaN.
/// One row kernel, which reads the logits once.
template <expression A, expression T>
constexpr auto cross_entropy(A logits, T targets) {
  static_assert(is_integer(T::type), "fuse::nn::cross_entropy: targets are integers, one for each row");
  static_assert(T::rank == A::rank - 1, "fuse::nn::cross_entropy: expected logits (..., classes) and targets (...)");
  auto target = unsqueeze<-1>(targets);
  auto v = tracing::unrounded(logits);
  auto chosen = sum(where(iota_along<-1>(logits) == target, v, 0.f), row);
  auto inside = logical_and(target >= 0, target < extent<-1>(logits).as_value());
  auto loss = where(inside, logsumexp(v, row) - chosen, __builtin_nanf(""));
  return squeeze<-1>(tracing::apply_as<ops::where_t, to_floating(A::type)>(target == ignored_target, 0.f, loss));
}

}  // namespace fuse::nn

// SPDX-License-Identifier: Apache-2.0
// softmax and log_softmax along the last axis.
#pragma once
#include <fuse/op/reductions.hpp>

namespace fuse::nn {

namespace softmaxes {
/// softmax(x), rounded to Stored where it is stored.
template <dtype Stored, expression A>
constexpr auto softmax_as(A x) {
  auto v = tracing::unrounded(x);
  auto e = exp(v - max(v, row));
  return tracing::apply_as<ops::divide_t, Stored>(e, sum(e, row));
}
}  // namespace softmaxes

/// softmax(x): (..., n) -> (..., n), each row positive with the sum 1. The row's maximum is subtracted first, so that
/// nothing overflows; a row of -inf gives NaN, as in PyTorch. One row kernel.
template <expression A>
constexpr auto softmax(A x) {
  return softmaxes::softmax_as<to_floating(A::type)>(x);
}

/// log_softmax(x) = log(softmax(x)), without the rounding of small probabilities to 0. One row kernel.
template <expression A>
constexpr auto log_softmax(A x) {
  auto v = tracing::unrounded(x);
  auto shifted = v - max(v, row);
  return tracing::apply_as<ops::subtract_t, to_floating(A::type)>(shifted, log(sum(exp(shifted), row)));
}

}  // namespace fuse::nn

// SPDX-License-Identifier: Apache-2.0
// softmax and log_softmax along the last axis.
#pragma once
#include <fuse/op/reductions.hpp>

namespace fuse::nn {

/// softmax(x): (..., n) -> (..., n), each row positive with the sum 1. The row's maximum is subtracted first, so that
/// nothing overflows; a row of -inf gives NaN, as in PyTorch. One row kernel.
template <expression A>
constexpr auto softmax(A x) {
  auto e = exp(x - max(x, row));
  return e / sum(e, row);
}

/// log_softmax(x) = log(softmax(x)), without the rounding of small probabilities to 0. One row kernel.
template <expression A>
constexpr auto log_softmax(A x) {
  auto shifted = x - max(x, row);
  return shifted - log(sum(exp(shifted), row));
}

}  // namespace fuse::nn

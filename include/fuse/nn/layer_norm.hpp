// SPDX-License-Identifier: Apache-2.0
// Layer normalisation of rows.
#pragma once
#include <fuse/op/reductions.hpp>
#include <fuse/op/root.hpp>

namespace fuse::nn {

/// layer_norm(x, weight, bias, epsilon): x (..., n), weight and bias (n) -> (..., n). The variance is taken around the
/// mean in a second pass over the row, which is in registers or cache by then. One row kernel.
/// Source: Ba, Kiros and Hinton, "Layer Normalization" (2016), equation 4.
template <expression A, expression W, expression B, operand E>
constexpr auto layer_norm(A x, W weight, B bias, E epsilon) {
  auto v = tracing::unrounded(x);
  auto centred = v - mean(v, row);
  auto scaled = centred * rsqrt(mean(centred * centred, row) + epsilon) * tracing::unrounded(weight);
  constexpr dtype stored = promote(promote(A::type, W::type), B::type), computed = decltype(scaled)::type;
  return tracing::apply_as < ops::add_t,
         computed == dtype::f64 ? computed : to_floating(stored) > (scaled, tracing::unrounded(bias));
}

}  // namespace fuse::nn

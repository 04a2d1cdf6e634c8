// SPDX-License-Identifier: Apache-2.0
// Root mean square normalisation of rows.
#pragma once
#include <fuse/op/reductions.hpp>
#include <fuse/op/root.hpp>

namespace fuse::nn {

/// rms_norm(x, weight, epsilon): x (..., n), weight (n) -> (..., n). One row kernel.
/// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019), equation 4.
template <expression A, expression W, operand E>
constexpr auto rms_norm(A x, W weight, E epsilon) {
  auto v = tracing::unrounded(x);
  auto scaled = v * rsqrt(mean(v * v, row) + epsilon);
  constexpr dtype stored = promote(A::type, W::type), computed = decltype(scaled)::type;
  return tracing::apply_as < ops::multiply_t,
         computed == dtype::f64 ? computed : to_floating(stored) > (scaled, tracing::unrounded(weight));
}

}  // namespace fuse::nn

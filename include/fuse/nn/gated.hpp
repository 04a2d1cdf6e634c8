// SPDX-License-Identifier: Apache-2.0
// Gated linear units: an activation of one projection scales another. Written on two projections of one operand, both
// and the gate become one kernel. Source: Shazeer, "GLU Variants Improve Transformer" (2020), equation 5.
#pragma once
#include <fuse/op/activation.hpp>
#include <fuse/op/arithmetic.hpp>

namespace fuse::nn {

/// swiglu(gate, up) = silu(gate) * up, element by element.
template <expression G, expression U>
constexpr auto swiglu(G gate, U up) {
  return silu(gate) * up;
}

/// geglu(gate, up) = gelu(gate) * up, with the exact (erf) gelu.
template <expression G, expression U>
constexpr auto geglu(G gate, U up) {
  return gelu(gate) * up;
}

}  // namespace fuse::nn

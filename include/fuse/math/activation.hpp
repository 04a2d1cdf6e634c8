// SPDX-License-Identifier: Apache-2.0
// Activation functions, written with e^-|x|, which cannot overflow: relative accuracy in both tails, and the limits
// (0 where PyTorch's own formulas give NaN for silu, gelu, mish and hardswish of -infinity).
#pragma once
#include <fuse/math/error_function.hpp>
#include <fuse/math/exponential.hpp>
#include <fuse/math/logarithm.hpp>
#include <fuse/math/minmax.hpp>

namespace fuse::math {

namespace activations {
/// x, but not below a bound at which the factor beside it is 0, so that -infinity * 0 does not arise. NaN stays NaN.
template <class V>
FUSE_HD V bounded_below(V x, float bound) {
  return maximum(x, V(bound));
}
}  // namespace activations

/// 1 / (1 + e^-x): at most 3 ulp.
template <class V>
FUSE_HD V sigmoid(V x) {
  const V e = exp(-abs(x));
  return ratio(select(x < V(0), e, V(1)), V(1) + e);
}

/// x sigmoid(x): at most 4 ulp.
template <class V>
FUSE_HD V silu(V x) {
  const V e = exp(-abs(x)), y = activations::bounded_below(x, -1000.f);
  return rounded_product(y, ratio(select(x < V(0), e, V(1)), V(1) + e));
}

/// x P(X <= x) of a standard normal X (the erf form): at most 9 ulp on the host; on a device see normal_distribution.
template <class V>
FUSE_HD V gelu(V x) {
  const V y = activations::bounded_below(x, -40.f);
  return rounded_product(y, normal_distribution(y));
}

/// x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3). The absolute error is at most
/// 2^-23 max(1, |x|); in the left tail, where the result vanishes, the relative error grows with |u|.
template <class V>
FUSE_HD V gelu_tanh(V x) {
  const V y = activations::bounded_below(x, -40.f);
  const V twice_u = y * (quick_fma(V(0.07135481627260025) * y, y, V(1.5957691216057308)));
  return rounded_product(y, sigmoid(twice_u));
}

/// log(1 + e^x): at most 2 ulp. (PyTorch replaces it by x above 20.)
template <class V>
FUSE_HD V softplus(V x) {
  return maximum(x, V(0)) + log1p(exp(-abs(x)));
}

/// x tanh(softplus(x)) = x (e^2x + 2 e^x) / (e^2x + 2 e^x + 2): at most 5 ulp.
template <class V>
FUSE_HD V mish(V x) {
  const V e = exp(-abs(x)), y = activations::bounded_below(x, -1000.f);
  const auto left = x < V(0);
  const V numerator = select(left, e * (e + V(2)), quick_fma(V(2), e, V(1)));
  return rounded_product(y, ratio(numerator, numerator + select(left, V(2), V(2) * e * e)));
}

/// x min(max(x + 3, 0), 6) / 6.
template <class V>
FUSE_HD V hardswish(V x) {
  const V y = activations::bounded_below(x, -3.f), gate = (y + V(3)) * V(1.0 / 6);
  return rounded_product(y, minimum(gate, V(1)));
}

}  // namespace fuse::math

// SPDX-License-Identifier: Apache-2.0
// sinh, cosh, tanh on f32 packs: a polynomial near zero, exponentials elsewhere.
#pragma once
#include <fuse/math/exponential.hpp>

namespace fuse::math {

/// At most 2 ulp.
template <int W>
FUSE_HD pack<float, W> tanh(pack<float, W> x) {
  using V = pack<float, W>;
  const V a = abs(x), z = a * a;
  // x + x^3 H(x^2) on [0, 0.625]: minimax, relative error 2^-27.7
  const V h = polynomial(z, -0.0056962483f, 0.02063086f, -0.05373706f, 0.13331409f, -0.3333328f);
  const V near = quick_fma(a, z * h, a);
  const V far = 1.f - 2.f / (1.f + exp(a + a));
  return copysign(select(a < 0.625f, near, far), x);
}

/// At most 3 ulp.
template <int W>
FUSE_HD pack<float, W> sinh(pack<float, W> x) {
  using V = pack<float, W>;
  const V a = abs(x), z = a * a;
  // x + x^3 S(x^2) on [0, 1]: minimax, relative error 2^-31.6
  const V s = polynomial(z, 2.7822132e-06f, 0.00019842896f, 0.0083333105f, 0.16666667f);
  const V near = quick_fma(a, z * s, a);
  const V half = exponentials::exp_times(V(0.5f), a);  // e^|x| / 2 overflows only where the result does
  return copysign(select(a < 1.f, near, half - 0.25f / half), x);
}

/// At most 2 ulp.
template <int W>
FUSE_HD pack<float, W> cosh(pack<float, W> x) {
  const pack<float, W> half = exponentials::exp_times(pack<float, W>(0.5f), abs(x));
  return half + 0.25f / half;
}

}  // namespace fuse::math

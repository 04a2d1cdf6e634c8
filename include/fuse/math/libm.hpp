// SPDX-License-Identifier: Apache-2.0
// fuse::math on scalars, and on f64 packs lane by lane: the C library on the host, CUDA's accurate functions on a
// device.
//
// Every function of fuse::math is an overload set on float, double, pack<double, W> (here) and pack<float, W> (in the
// header named for the function's family). Errors in ulp of the f32 packs stand beside them, measured by tests/op.
#pragma once
#include <fuse/math/pack.hpp>

namespace fuse::math {

#if defined(__CUDA_ARCH__)
#define FUSE_LIBM(name) ::name
#else
#define FUSE_LIBM(name) __builtin_##name
#endif

#define FUSE_LIBM_UNARY(name)                                           \
  FUSE_HD float name(float x) { return FUSE_LIBM(name##f)(x); }         \
  FUSE_HD double name(double x) { return FUSE_LIBM(name)(x); }          \
  FUSE_UNCHECKED                                                        \
  template <int W>                                                      \
  FUSE_HD pack<double, W> name(pack<double, W> x) {                     \
    return packs::each([](double a) { return FUSE_LIBM(name)(a); }, x); \
  }
FUSE_LIBM_UNARY(exp)
FUSE_LIBM_UNARY(exp2)
FUSE_LIBM_UNARY(expm1)
FUSE_LIBM_UNARY(log)
FUSE_LIBM_UNARY(log2)
FUSE_LIBM_UNARY(log10)
FUSE_LIBM_UNARY(log1p)
FUSE_LIBM_UNARY(sin)
FUSE_LIBM_UNARY(cos)
FUSE_LIBM_UNARY(tan)
FUSE_LIBM_UNARY(asin)
FUSE_LIBM_UNARY(acos)
FUSE_LIBM_UNARY(atan)
FUSE_LIBM_UNARY(sinh)
FUSE_LIBM_UNARY(cosh)
FUSE_LIBM_UNARY(tanh)
FUSE_LIBM_UNARY(erf)
FUSE_LIBM_UNARY(erfc)
#undef FUSE_LIBM_UNARY

#define FUSE_LIBM_BINARY(name)                                                          \
  FUSE_HD float name(float x, float y) { return FUSE_LIBM(name##f)(x, y); }             \
  FUSE_HD double name(double x, double y) { return FUSE_LIBM(name)(x, y); }             \
  FUSE_UNCHECKED                                                                        \
  template <int W>                                                                      \
  FUSE_HD pack<double, W> name(pack<double, W> x, pack<double, W> y) {                  \
    return packs::each([](double a, double b) { return FUSE_LIBM(name)(a, b); }, x, y); \
  }
FUSE_LIBM_BINARY(atan2)
FUSE_LIBM_BINARY(pow)
FUSE_LIBM_BINARY(fmod)
#undef FUSE_LIBM_BINARY

#undef FUSE_LIBM

}  // namespace fuse::math

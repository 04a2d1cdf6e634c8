// SPDX-License-Identifier: Apache-2.0
// fuse::math on scalars, and on f64 packs lane by lane: the C library on the host, CUDA's accurate functions on a
// device.
//
// Every function of fuse::math is an overload set on float, double, pack<double, W> (here) and pack<float, W> (in the
// header named for the function's family). Errors in ulp of the f32 packs stand beside them, measured by tests/op.
#pragma once
#include <fuse/math/pack.hpp>

namespace fuse {
namespace packs {
/// f(x...) lane by lane, out of line: 16 calls in a row are not worth inlining.
template <class F, class T, int W, class... X>
[[gnu::noinline]] void call_each(pack<T, W>& y, F f, const X&... x) {
  for (int i = 0; i < W; ++i) set_lane(y, i, f(lane(x, i)...));
}
/// y, with f(x...) in the lanes where the condition holds: out of line, for the few operands that a vector form leaves
/// out.
template <class F, class T, int W, class... X>
[[gnu::noinline, gnu::cold]] void replace_lanes(const typename pack<T, W>::mask& condition, pack<T, W>& y, F f,
                                                const X&... x) {
  for (int i = 0; i < W; ++i)
    if (lane(condition, i)) set_lane(y, i, f(lane(x, i)...));
}
}  // namespace packs

namespace math {

#if defined(__CUDA_ARCH__)
#define FUSE_LIBM(name) ::name
#else
#define FUSE_LIBM(name) __builtin_##name
#endif

#define FUSE_LIBM_UNARY(name)                                   \
  FUSE_HD float name(float x) { return FUSE_LIBM(name##f)(x); } \
  FUSE_HD double name(double x) { return FUSE_LIBM(name)(x); }  \
  FUSE_UNCHECKED                                                \
  template <int W>                                              \
  FUSE_HD pack<double, W> name(pack<double, W> x) {             \
    pack<double, W> y;                                          \
    packs::call_each(                                           \
        y, [](double a) { return FUSE_LIBM(name)(a); }, x);     \
    return y;                                                   \
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

#define FUSE_LIBM_BINARY(name)                                              \
  FUSE_HD float name(float x, float y) { return FUSE_LIBM(name##f)(x, y); } \
  FUSE_HD double name(double x, double y) { return FUSE_LIBM(name)(x, y); } \
  FUSE_UNCHECKED                                                            \
  template <int W>                                                          \
  FUSE_HD pack<double, W> name(pack<double, W> x, pack<double, W> y) {      \
    pack<double, W> z;                                                      \
    packs::call_each(                                                       \
        z, [](double a, double b) { return FUSE_LIBM(name)(a, b); }, x, y); \
    return z;                                                               \
  }
FUSE_LIBM_BINARY(atan2)
FUSE_LIBM_BINARY(pow)
FUSE_LIBM_BINARY(fmod)
#undef FUSE_LIBM_BINARY

#undef FUSE_LIBM

/// y, with f(x...) in the lanes where the condition holds, which is rare.
FUSE_UNCHECKED
template <class F, class T, int W, class... X>
FUSE_HD pack<T, W> where_rare(typename pack<T, W>::mask condition, pack<T, W> y, F f, X... x) {
  if (!packs::any(condition)) return y;
  pack<T, W> result = y;  // a copy, so that y stays in registers
  packs::replace_lanes(condition, result, f, x...);
  return result;
}

}  // namespace math
}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// sqrt, rsqrt, reciprocal.
#pragma once
#include <fuse/math/fma.hpp>

namespace fuse::math {

FUSE_HD float sqrt(float x) {
#if defined(__CUDA_ARCH__)
  return ::sqrtf(x);
#else
  return __builtin_sqrtf(x);
#endif
}
FUSE_HD double sqrt(double x) {
#if defined(__CUDA_ARCH__)
  return ::sqrt(x);
#else
  return __builtin_sqrt(x);
#endif
}

namespace roots {
// Of one register. errno keeps GCC from using the instruction for __builtin_sqrt, and a loop of calls from vectorising.
#if !defined(__CUDA_ARCH__)
template <class T, class R>
FUSE_HOST R of_register(R x) {
#if defined(__x86_64__) && defined(__AVX__)
  R y;
  if constexpr (sizeof(T) == 4)
    asm("vsqrtps %1, %0" : "=v"(y) : "v"(x));
  else
    asm("vsqrtpd %1, %0" : "=v"(y) : "v"(x));
  return y;
#elif defined(__x86_64__)
  R y;
  if constexpr (sizeof(T) == 4)
    asm("sqrtps %1, %0" : "=x"(y) : "x"(x));
  else
    asm("sqrtpd %1, %0" : "=x"(y) : "x"(x));
  return y;
#else
  for (int i = 0; i < int(sizeof(R) / sizeof(T)); ++i) x[i] = sqrt(T(x[i]));
  return x;
#endif
}
#endif
template <class T, int W>
FUSE_HOST pack<T, W> of(pack<T, W> x) {
#if defined(__CUDA_ARCH__)
  return x;
#else
  return packs::by_part<pack<T, W> >([](auto p) { return of_register<T>(p); }, x);
#endif
}
}  // namespace roots

/// Correctly rounded.
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> sqrt(pack<T, W> x) {
  return roots::of(x);
}

/// 1 / sqrt(x): at most 2 ulp on a device (rsqrt.approx), 1.5 elsewhere; rsqrt(0) is infinity with the sign of the
/// zero.
FUSE_HD float rsqrt(float x) {
#if defined(__CUDA_ARCH__)
  return ::rsqrtf(x);
#else
  return 1 / sqrt(x);
#endif
}
FUSE_HD double rsqrt(double x) {
#if defined(__CUDA_ARCH__)
  return ::rsqrt(x);
#else
  return 1 / sqrt(x);
#endif
}
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> rsqrt(pack<T, W> x) {
  return T(1) / sqrt(x);
}

/// 1 / x: at most 1 ulp on a device (rcp.approx in place of a division's call), correctly rounded elsewhere.
FUSE_HD float reciprocal(float x) {
#if defined(__CUDA_ARCH__)
  float r;
  asm("rcp.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
#else
  return 1 / x;
#endif
}
FUSE_HD double reciprocal(double x) { return 1 / x; }
template <class T, int W>
FUSE_HD pack<T, W> reciprocal(pack<T, W> x) {
  return T(1) / x;
}

/// 1 / x for x in [1, 2^100]: at most 1 ulp, without a division where that takes long.
template <class V>
FUSE_HD V reciprocal_of_normal(V x) {
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<V, float>) {
    float r;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
  } else
#endif
    return reciprocal(x);
}
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> reciprocal_of_normal(pack<float, W> x) {
  return instructions::reciprocal_of_normal(x);
}
/// a / b for finite a and b in [1, 2^100]: at most 1 ulp on the host, 2 on a device, where a division calls a slow
/// path.
template <class V>
FUSE_HD V ratio(V a, V b) {
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<V, float>)
    return rounded_product(a, reciprocal_of_normal(b));
  else
#endif
    return a / b;
}
FUSE_UNCHECKED
template <int W>
FUSE_HD pack<float, W> ratio(pack<float, W> a, pack<float, W> b) {
  return instructions::ratio(a, b);
}

}  // namespace fuse::math

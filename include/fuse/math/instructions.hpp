// SPDX-License-Identifier: Apache-2.0
// Operations on packs that processors have one instruction for and the vector
// extension no expression.
#pragma once
#include <fuse/math/pack.hpp>

namespace fuse::math::instructions {

// Without AVX, and in a device pass, the plain expressions stand.
#if defined(__x86_64__) && defined(__AVX__) && !defined(__CUDA_ARCH__)
template <class T, int W>
FUSE_HOST pack<T, W> greater_of(pack<T, W> a, pack<T, W> b) {
  return packs::by_part<pack<T, W>>(
      [](auto x, auto y) {
        decltype(x) r;
        if constexpr (std::is_same_v<T, float>)
          asm("vmaxps %2, %1, %0" : "=v"(r) : "v"(x), "v"(y));
        else
          asm("vmaxpd %2, %1, %0" : "=v"(r) : "v"(x), "v"(y));
        return r;
      },
      a, b);
}
template <class T, int W>
FUSE_HOST pack<T, W> lesser_of(pack<T, W> a, pack<T, W> b) {
  return packs::by_part<pack<T, W>>(
      [](auto x, auto y) {
        decltype(x) r;
        if constexpr (std::is_same_v<T, float>)
          asm("vminps %2, %1, %0" : "=v"(r) : "v"(x), "v"(y));
        else
          asm("vminpd %2, %1, %0" : "=v"(r) : "v"(x), "v"(y));
        return r;
      },
      a, b);
}
#else
/// a > b ? a : b, with b where either is NaN.
template <class T, int W>
FUSE_HOST pack<T, W> greater_of(pack<T, W> a, pack<T, W> b) {
  return packs::select(packs::less(b, a), a, b);
}
/// a < b ? a : b, with b where either is NaN.
template <class T, int W>
FUSE_HOST pack<T, W> lesser_of(pack<T, W> a, pack<T, W> b) {
  return packs::select(packs::less(a, b), a, b);
}
#endif

/// x 2^n for |x| in [1/2, 2] and whole n, -252 < n < 254: rounded once where the result is subnormal.
template <int W>
FUSE_HOST pack<float, W> scaled(pack<float, W> x, pack<float, W> n) {
#if defined(__x86_64__) && defined(__AVX512F__) && !defined(__CUDA_ARCH__)
  return packs::by_part<pack<float, W>>(
      [](auto y, auto power) {
        decltype(y) r;
        asm("vscalefps %2, %1, %0" : "=v"(r) : "v"(y), "v"(power));
        return r;
      },
      x, n);
#else
  const auto whole = packs::convert<std::int32_t>(n), half = whole >> 1;
  return x * packs::bits<float>((half + 127) << 23) * packs::bits<float>((whole - half + 127) << 23);
#endif
}

#if !defined(__CUDA_ARCH__)
/// a b + c of one register, rounded once.
template <class T, class R>
FUSE_HOST R fused(R a, R b, R c) {
#if defined(__has_builtin) && __has_builtin(__builtin_elementwise_fma)
  return __builtin_elementwise_fma(a, b, c);
#elif defined(__x86_64__) && defined(__FMA__)
  constexpr bool single = std::is_same_v<T, float>;
#if defined(__AVX512F__)
  if constexpr (sizeof(R) == 64 && single)
    return __builtin_ia32_vfmaddps512_mask(a, b, c, std::uint16_t(0xffff), 4);  // every lane, rounded as it is set
  else if constexpr (sizeof(R) == 64)
    return __builtin_ia32_vfmaddpd512_mask(a, b, c, std::uint8_t(0xff), 4);
  else
#endif
      if constexpr (sizeof(R) == 32 && single)
    return __builtin_ia32_vfmaddps256(a, b, c);
  else if constexpr (sizeof(R) == 32)
    return __builtin_ia32_vfmaddpd256(a, b, c);
  else if constexpr (single)
    return __builtin_ia32_vfmaddps(a, b, c);
  else
    return __builtin_ia32_vfmaddpd(a, b, c);
#else
  for (int i = 0; i < int(sizeof(R) / sizeof(T)); ++i) {
    if constexpr (std::is_same_v<T, float>)
      a[i] = __builtin_fmaf(a[i], b[i], c[i]);
    else
      a[i] = __builtin_fma(a[i], b[i], c[i]);
  }
  return a;
#endif
}
#endif
/// a b + c, a b - c and c - a b, rounded once.
template <class T, int W>
FUSE_HOST pack<T, W> multiply_add(pack<T, W> a, pack<T, W> b, pack<T, W> c) {
#if defined(__CUDA_ARCH__)
  return {};
#else
  return packs::by_part<pack<T, W>>([](auto x, auto y, auto z) { return fused<T>(x, y, z); }, a, b, c);
#endif
}
template <class T, int W>
FUSE_HOST pack<T, W> multiply_subtract(pack<T, W> a, pack<T, W> b, pack<T, W> c) {
  return multiply_add(a, b, packs::negate(c));
}
template <class T, int W>
FUSE_HOST pack<T, W> negative_multiply_add(pack<T, W> a, pack<T, W> b, pack<T, W> c) {
  return multiply_add(packs::negate(a), b, c);
}
/// Does multiply_add cost one instruction?
#if defined(__FMA__) || defined(__aarch64__)
inline constexpr bool quick_multiply_add = true;
#else
inline constexpr bool quick_multiply_add = false;
#endif

/// 1 / x for x in [1, 2^100]: at most 1 ulp. A division of 16 lanes takes as long as 16 other instructions.
template <int W>
FUSE_HOST pack<float, W> reciprocal_of_normal(pack<float, W> x) {
#if defined(__x86_64__) && defined(__AVX512F__) && !defined(__CUDA_ARCH__)
  const auto estimate = packs::by_part<pack<float, W>>(
      [](auto y) {
        decltype(y) r;
        asm("vrcp14ps %1, %0" : "=v"(r) : "v"(y));
        return r;
      },
      x);
  return multiply_add(negative_multiply_add(x, estimate, pack<float, W>(1.f)), estimate, estimate);
#else
  return packs::divide(pack<float, W>(1.f), x);
#endif
}
/// a / b for finite a and b in [1, 2^100]: at most 1 ulp.
template <int W>
FUSE_HOST pack<float, W> ratio(pack<float, W> a, pack<float, W> b) {
#if defined(__x86_64__) && defined(__AVX512F__) && !defined(__CUDA_ARCH__)
  const auto inverse = reciprocal_of_normal(b), near = packs::multiply(a, inverse);
  return multiply_add(negative_multiply_add(near, b, a), inverse, near);
#else
  return packs::divide(a, b);
#endif
}

/// Is some lane NaN?
template <int W>
FUSE_HOST bool any_nan(pack<float, W> x) {
#if defined(__x86_64__) && defined(__AVX512F__) && !defined(__CUDA_ARCH__)
  if constexpr (sizeof(x.v[0]) == 64) {
    unsigned found = 0;
    for (const auto& part : x.v) {
      unsigned lanes;
      asm("vcmpunordps %1, %1, %%k1\n\tkmovw %%k1, %0" : "=r"(lanes) : "v"(part) : "k1");
      found |= lanes;
    }
    return found != 0;
  }
#elif defined(__x86_64__) && defined(__AVX__) && !defined(__CUDA_ARCH__)
  if constexpr (sizeof(x.v[0]) == 32) {
    unsigned found = 0;
    for (const auto& part : x.v) {
      unsigned lanes;
      auto different = part;
      asm("vcmpunordps %2, %2, %0\n\tvmovmskps %0, %1" : "=x"(different), "=r"(lanes) : "x"(part));
      found |= lanes;
    }
    return found != 0;
  }
#endif
  return packs::any(packs::not_equal(x, x));
}

}  // namespace fuse::math::instructions

// SPDX-License-Identifier: Apache-2.0
// What differs between compilers: the host/device markers. The only macros of the library.
#pragma once

// Under these flags a compiler takes no number for NaN or infinite and rounds in an order of its own: isnan is false,
// adding and taking away 2^23 rounds nothing. (clang tells of the first two only.)
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || \
    defined(__NO_SIGNED_ZEROS__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "fuse: -ffast-math, -Ofast and their parts lose NaN, signed zeros and roundings: compile this file without them"
#endif

#if defined(__CUDACC__)
#define FUSE_HD __host__ __device__ __forceinline__
#define FUSE_DEVICE __device__ __forceinline__
// Before a declaration (before its `template`) that is host and device by signature but calls host code in the host
// pass.
#define FUSE_UNCHECKED _Pragma("nv_exec_check_disable")
#else
#define FUSE_HD inline __attribute__((always_inline))
#define FUSE_UNCHECKED
#endif
#define FUSE_HOST inline __attribute__((always_inline))
// After the parameters of a lambda in a kernel body: what it captures then lives in registers.
#define FUSE_INLINE __attribute__((always_inline))

#if defined(__CUDA_ARCH__)
#define FUSE_UNROLL _Pragma("unroll")
#define FUSE_NO_UNROLL _Pragma("unroll 1")
#else
#define FUSE_UNROLL
#define FUSE_NO_UNROLL
#endif

namespace fuse {
using index = long long;  // every extent, stride and offset: 64 bits, in elements

#if defined(__AVX512F__)
inline constexpr int host_lanes = 16;  // lanes of a host pack: one 64-byte register of f32
#else
inline constexpr int host_lanes = 8;
#endif
}  // namespace fuse

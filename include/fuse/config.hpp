// SPDX-License-Identifier: Apache-2.0
// What differs between compilers: the host/device markers. The only macros of the library.
#pragma once

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

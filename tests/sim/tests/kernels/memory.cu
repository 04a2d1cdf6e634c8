// SPDX-License-Identifier: Apache-2.0
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

using u32 = std::uint32_t;
using u64 = unsigned long long;

template <class T>
__device__ void copy(const T* in, T* out, int n) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) out[i] = in[i];
}
extern "C" __global__ void copy1(const std::int8_t* in, std::int8_t* out, int n) { copy(in, out, n); }
extern "C" __global__ void copy2(const std::int16_t* in, std::int16_t* out, int n) { copy(in, out, n); }
extern "C" __global__ void copy4(const u32* in, u32* out, int n) { copy(in, out, n); }
extern "C" __global__ void copy8(const float2* in, float2* out, int n) { copy(in, out, n); }
extern "C" __global__ void copy16(const int4* in, int4* out, int n) { copy(in, out, n); }
extern "C" __global__ void strided(const u32* in, u32* out, int stride) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  out[i] = in[i * stride];
}
extern "C" __global__ void offset(const u32* in, u32* out, int by) {
  const int i = int(threadIdx.x);
  out[i] = in[i + by];
}
extern "C" __global__ void broadcast(const u32* in, u32* out) { out[threadIdx.x] = in[blockIdx.x]; }
extern "C" __global__ void banks(u32* out, int stride) {
  __shared__ u32 s[32 * 33];
  for (int k = int(threadIdx.x); k < 32 * 33; k += 32) s[k] = u32(k);
  __syncwarp();
  out[threadIdx.x] = s[int(threadIdx.x) * stride];
}
extern "C" __global__ void wide_banks(float4* out, int stride) {
  __shared__ float4 s[32 * 4];
  for (int k = 0; k < 4; ++k) s[k * 32 + int(threadIdx.x)] = float4{1, 2, 3, 4};
  __syncwarp();
  out[threadIdx.x] = s[int(threadIdx.x) * stride];
}
// Narrow loads extend, narrow stores cut, whatever the register's width.
extern "C" __global__ void extend(const std::int8_t* bytes, const std::uint16_t* shorts, std::int64_t* out,
                                  std::uint8_t* cut) {
  const int i = int(threadIdx.x);
  out[i] = bytes[i];
  out[32 + i] = shorts[i];
  std::int64_t wide;
  asm("ld.global.s8 %0, [%1];" : "=l"(wide) : "l"(bytes + i));
  out[64 + i] = wide;
  asm volatile("st.global.u8 [%0], %1;" ::"l"(cut + i), "l"(wide + 256 * 7) : "memory");
}
// A generic pointer into each space, by lane.
extern "C" __global__ void generic(const int* global, int* out) {
  __shared__ int shared[32];
  int local[4];
  shared[threadIdx.x] = int(threadIdx.x) + 100;
  for (int k = 0; k < 4; ++k) local[k] = global[k] + 200;
  __syncthreads();
  const int* from[3] = {global, shared, local};
  const int* p = from[threadIdx.x % 3];
  out[threadIdx.x] = p[threadIdx.x & 3];
  out[32 + threadIdx.x] = __isGlobal(p) + 2 * __isShared(p) + 4 * __isLocal(p);
}
__constant__ float weights[8] = {1, 2, 3, 4, 5, 6, 7, 8};
__device__ int counter = 5;
__device__ const int* where = &counter;
struct settings {
  float scale[6];
  int index;
};
extern "C" __global__ void variables(float* out, const __grid_constant__ settings s, int lane) {
  out[threadIdx.x] = weights[threadIdx.x % 8] * s.scale[(threadIdx.x + lane) % 6] + float(*where) + float(s.index);
  if (threadIdx.x == 0) atomicAdd(&counter, 1);
}

extern "C" __global__ void atomics(int* i, u32* u, u64* l, float* f, double* d, int* old) {
  const int t = int(blockIdx.x * blockDim.x + threadIdx.x);
  old[t] = atomicAdd(&i[0], 1);
  atomicSub(&i[1], 2);
  atomicMin(&i[2], -t);
  atomicMax(&i[3], t);
  atomicAnd(&i[4], ~(1 << (t & 31)));
  atomicOr(&i[5], 1 << (t % 7));
  atomicXor(&i[6], t);
  atomicExch(&i[7], 77);
  atomicInc(&u[0], 9);
  atomicDec(&u[1], 4);
  atomicMax(&u[2], u32(t) * 0x10000000u);
  atomicAdd(&l[0], 1ull << 40);
  atomicMin(&l[1], u64(1000 - t));
  int seen = *static_cast<volatile int*>(i + 8), expected;
  do {
    expected = seen;
    seen = atomicCAS(&i[8], expected, expected * 3 + 1);
  } while (seen != expected);
  atomicAdd(f, 0.25f);
  atomicAdd(d, 0.125);
  __shared__ u32 s;
  if (threadIdx.x == 0) s = 0;
  __syncthreads();
  atomicAdd(&s, u32(threadIdx.x));
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(&u[3], s);
}
extern "C" __global__ void packed_atomics(__half2* h, __nv_bfloat162* b, float4* v, unsigned short* s) {
  atomicAdd(h, __half2{__float2half(1.0f), __float2half(0.5f)});
  atomicAdd(b, __nv_bfloat162{__float2bfloat16(2.0f), __float2bfloat16(-1.0f)});
  atomicAdd(v, float4{1, 2, 3, 4});
  unsigned short seen = *static_cast<volatile unsigned short*>(s + 1), expected;
  do {
    expected = seen;
    seen = atomicCAS(s + 1, expected, static_cast<unsigned short>(expected + 3));
  } while (seen != expected);
}

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

// Reductions without a result, in every operation and type that there is.
#define RED(operation, type, constraint, place, value) \
  asm volatile("red.global." operation "." type " [%0], %1;" ::"l"(place), constraint(value) : "memory")
extern "C" __global__ void reductions(u32* u, u64* l, float* f, double* d, u32* h) {
  const u32 t = blockIdx.x * blockDim.x + threadIdx.x;
  RED("add", "u32", "r", u + 0, t);
  RED("add", "s32", "r", u + 1, -int(t));
  RED("min", "s32", "r", u + 2, 5 - int(t));
  RED("max", "s32", "r", u + 3, 5 - int(t));
  RED("min", "u32", "r", u + 4, 1000 - t);
  RED("max", "u32", "r", u + 5, t);
  RED("and", "b32", "r", u + 6, ~(1u << (t % 5)));
  RED("or", "b32", "r", u + 7, 1u << (t % 5));
  RED("xor", "b32", "r", u + 8, t);
  RED("inc", "u32", "r", u + 9, 6u);
  RED("dec", "u32", "r", u + 10, 6u);
  RED("add", "u64", "l", l + 0, u64(t) << 33);
  RED("min", "s64", "l", l + 1, -(long long)(t)*5000000000ll);
  RED("max", "s64", "l", l + 2, (long long)(t)*5000000000ll);
  RED("min", "u64", "l", l + 3, ~0ull - t);
  RED("max", "u64", "l", l + 4, u64(t) << 40);
  RED("and", "b64", "l", l + 5, ~(1ull << (32 + t % 5)));
  RED("or", "b64", "l", l + 6, 1ull << (32 + t % 5));
  RED("xor", "b64", "l", l + 7, u64(t) << 32);
  RED("add", "f32", "f", f, 0.5f);
  RED("add", "f64", "d", d, 0.25);
  asm volatile("red.global.v2.f32.add [%0], {%1, %2};" ::"l"(f + 2), "f"(1.0f), "f"(2.0f) : "memory");
  asm volatile("red.global.v4.f32.add [%0], {%1, %2, %1, %2};" ::"l"(f + 4), "f"(1.0f), "f"(2.0f) : "memory");
  const u32 half = 0x38003c00u, brain = 0x3f003f80u;  // 1 below, 0.5 above
  asm volatile("red.global.add.noftz.f16x2 [%0], %1;" ::"l"(h), "r"(half) : "memory");
  asm volatile("red.global.add.noftz.bf16x2 [%0], %1;" ::"l"(h + 1), "r"(brain) : "memory");
  asm volatile("red.global.add.noftz.f16 [%0], %1;" ::"l"(h + 2), "h"((unsigned short)0x3c00) : "memory");
  asm volatile("red.global.add.noftz.bf16 [%0], %1;" ::"l"(h + 3), "h"((unsigned short)0x3f80) : "memory");
}
#undef RED
// Minima and maxima of halves, which exist as vectors only.
extern "C" __global__ void half_extrema(u32* h, const u32* values) {
  const u32 v = values[threadIdx.x];
  asm volatile("{.reg .b32 o<2>; atom.global.v2.f16x2.min.noftz {o0, o1}, [%0], {%1, %1};}" ::"l"(h), "r"(v)
               : "memory");
  asm volatile("red.global.v2.f16x2.max.noftz [%0], {%1, %1};" ::"l"(h + 2), "r"(v) : "memory");
}
// A sum of f32 flushes subnormals in global memory and keeps them in shared memory, also by a generic address.
extern "C" __global__ void small_sums(float* sums, float* old) {
  __shared__ float s[2];
  if (threadIdx.x != 0) return;
  const float least = __int_as_float(1), below = __int_as_float(0x807fffff);
  s[0] = s[1] = least;
  float* const places[4] = {sums, sums + 1, s, s + 1};
  for (int k = 0; k < 4; ++k) old[k] = atomicAdd(places[k], k % 2 == 0 ? least : below);
  sums[2] = s[0], sums[3] = s[1];
}
extern "C" __global__ void wide_atomics(ulonglong2* place, ulonglong2* old) {
  const u64 t = blockIdx.x * blockDim.x + threadIdx.x;
  const auto exchange = [&](ulonglong2* at, ulonglong2 value) {
    ulonglong2 was;
    asm volatile("{.reg .b128 v, o; mov.b128 v, {%3, %4}; atom.global.exch.b128 o, [%2], v; mov.b128 {%0, %1}, o;}"
                 : "=l"(was.x), "=l"(was.y)
                 : "l"(at), "l"(value.x), "l"(value.y)
                 : "memory");
    return was;
  };
  const auto swap = [&](ulonglong2* at, ulonglong2 expected, ulonglong2 value) {
    ulonglong2 was;
    asm volatile(
        "{.reg .b128 e, v, o; mov.b128 e, {%3, %4}; mov.b128 v, {%5, %6};\n"
        "atom.global.cas.b128 o, [%2], e, v; mov.b128 {%0, %1}, o;}"
        : "=l"(was.x), "=l"(was.y)
        : "l"(at), "l"(expected.x), "l"(expected.y), "l"(value.x), "l"(value.y)
        : "memory");
    return was;
  };
  old[t] = exchange(place, ulonglong2{t + 1, ~t});
  ulonglong2 seen = swap(place + 1, ulonglong2{0, 0}, ulonglong2{0, 0}), expected;
  do {
    expected = seen;
    seen = swap(place + 1, expected, ulonglong2{expected.x + 1, expected.y - 1});
  } while (seen.x != expected.x || seen.y != expected.y);
}
// Loads, stores and fences of every order and scope, for their values.
extern "C" __global__ void orders(u32* x, u32* out) {
  u32 v;
#define ROUND(k, store, load, fence)                                           \
  asm volatile(store " [%0], %1;" ::"l"(x + (k)), "r"(100u + (k)) : "memory"); \
  asm volatile(fence ";" ::: "memory");                                        \
  asm volatile(load " %0, [%1];" : "=r"(v) : "l"(x + (k)) : "memory");         \
  out[k] = v;
  ROUND(0, "st.relaxed.gpu.global.u32", "ld.relaxed.gpu.global.u32", "fence.acq_rel.gpu")
  ROUND(1, "st.release.sys.global.u32", "ld.acquire.sys.global.u32", "fence.sc.sys")
  ROUND(2, "st.release.cta.global.u32", "ld.acquire.cta.global.u32", "fence.acq_rel.cta")
  ROUND(3, "st.relaxed.cluster.global.u32", "ld.relaxed.cluster.global.u32", "fence.sc.cluster")
  ROUND(4, "st.volatile.global.u32", "ld.volatile.global.u32", "membar.sys")
  ROUND(5, "st.weak.global.u32", "ld.weak.global.u32", "membar.gl")
  ROUND(6, "st.global.wt.u32", "ld.global.cv.u32", "membar.cta")
  ROUND(7, "st.global.cs.u32", "ld.global.cg.u32", "fence.proxy.alias")
#undef ROUND
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}

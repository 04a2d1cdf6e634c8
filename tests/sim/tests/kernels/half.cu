// SPDX-License-Identifier: Apache-2.0
// Halves as bits in, bits out. Each line of output is one operation on the thread's a, b, c.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <cstdint>

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;

template <class H>
__device__ H as(u16 bits) {
  H h;
  memcpy(&h, &bits, 2);
  return h;
}
template <class H>
__device__ u16 bits_of(H h) {
  u16 bits;
  memcpy(&bits, &h, 2);
  return bits;
}

template <class H>
__device__ void arithmetic(const u16* as_, const u16* bs, const u16* cs, u16* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const H a = as<H>(as_[i]), b = as<H>(bs[i]), c = as<H>(cs[i]);
  int line = 0;
  const auto put = [&](H v) { out[line++ * count + i] = bits_of(v); };
  put(__hadd_rn(a, b));
  put(__hsub_rn(a, b));
  put(__hmul_rn(a, b));
  put(__hfma(a, b, c));
  put(__hadd_sat(a, b));
  put(__hfma_relu(a, b, c));
  put(__hmin(a, b));
  put(__hmax(a, b));
  put(__hmin_nan(a, b));
  put(__habs(a));
  put(__hneg(a));
  out[line * count + i] =
      u16((a < b) | (a <= b) << 1 | (a == b) << 2 | (a != b) << 3 | __hltu(a, b) << 4 | __hisnan(a) << 5);
}
extern "C" __global__ void f16_arithmetic(const u16* a, const u16* b, const u16* c, u16* out, int count) {
  arithmetic<__half>(a, b, c, out, count);
}
extern "C" __global__ void bf16_arithmetic(const u16* a, const u16* b, const u16* c, u16* out, int count) {
  arithmetic<__nv_bfloat16>(a, b, c, out, count);
}

// Packed forms: the same operations on both halves at once.
extern "C" __global__ void f16_packed(const u32* as_, const u32* bs, u32* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  __half2 a, b;
  memcpy(&a, as_ + i, 4);
  memcpy(&b, bs + i, 4);
  int line = 0;
  const auto put = [&](__half2 v) { memcpy(out + line++ * count + i, &v, 4); };
  put(__hadd2_rn(a, b));
  put(__hmul2_rn(a, b));
  put(__hfma2(a, b, a));
  put(__hmax2(a, b));
  put(__heq2(a, b));
  put(__hgt2(a, b));
  out[line * count + i] = u32(__hblt2(a, b)) | u32(__hbequ2(a, b)) << 1;
}

extern "C" __global__ void to_halves(const float* in, u16* f16, u16* bf16, u32* pairs, u16* e4m3, u16* e5m2, u32* tf32,
                                     int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const float x = in[i], y = in[(i + 1) % count];
  f16[i] = bits_of(__float2half_rn(x));
  f16[count + i] = bits_of(__float2half_rz(x));
  f16[2 * count + i] = bits_of(__float2half_ru(x));
  f16[3 * count + i] = bits_of(__float2half_rd(x));
  bf16[i] = bits_of(__float2bfloat16_rn(x));
  bf16[count + i] = bits_of(__float2bfloat16_rz(x));
  u16 sat;
  asm("cvt.rn.sat.f16.f32 %0, %1;" : "=h"(sat) : "f"(x));
  f16[4 * count + i] = sat;
  u32 both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(x), "f"(y));
  pairs[i] = both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(x), "f"(y));
  pairs[count + i] = both;
  asm("cvt.rz.relu.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(x), "f"(y));
  pairs[2 * count + i] = both;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(e4m3[i]) : "f"(x), "f"(y));
  asm("cvt.rn.satfinite.e5m2x2.f32 %0, %1, %2;" : "=h"(e5m2[i]) : "f"(x), "f"(y));
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(tf32[i]) : "f"(x));
}
extern "C" __global__ void from_halves(const u16* in, float* f16, float* bf16, u32* e4m3, u32* e5m2, u16* rint,
                                       int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  f16[i] = __half2float(as<__half>(in[i]));
  bf16[i] = __bfloat162float(as<__nv_bfloat16>(in[i]));
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(e4m3[i]) : "h"(in[i]));
  asm("cvt.rn.f16x2.e5m2x2 %0, %1;" : "=r"(e5m2[i]) : "h"(in[i]));
  rint[i] = bits_of(hrint(as<__half>(in[i])));
}
extern "C" __global__ void double_to_half(const double* in, u16* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) out[i] = bits_of(__double2half(in[i]));
}

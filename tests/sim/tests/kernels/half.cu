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
template <class P>
__device__ void packed(const u32* as_, const u32* bs, u32* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  P a, b;
  memcpy(&a, as_ + i, 4);
  memcpy(&b, bs + i, 4);
  int line = 0;
  const auto put = [&](P v) { memcpy(out + line++ * count + i, &v, 4); };
  put(__hadd2_rn(a, b));
  put(__hmul2_rn(a, b));
  put(__hfma2(a, b, a));
  put(__hmax2(a, b));
  put(__hmin2(a, b));
  put(__heq2(a, b));
  put(__hgt2(a, b));
  put(__hsub2_rn(a, b));
  put(__habs2(a));
  put(__hneg2(a));
  out[line * count + i] = u32(__hblt2(a, b)) | u32(__hbequ2(a, b)) << 1;
}
extern "C" __global__ void f16_packed(const u32* a, const u32* b, u32* out, int count) {
  packed<__half2>(a, b, out, count);
}
extern "C" __global__ void bf16_packed(const u32* a, const u32* b, u32* out, int count) {
  packed<__nv_bfloat162>(a, b, out, count);
}
extern "C" __global__ void f16_flushed(const u32* as_, const u32* bs, u32* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const u16 a = u16(as_[i]), b = u16(bs[i]);
  u16 sum, equal;
  u32 less, both, different;
  asm("add.ftz.f16 %0, %1, %2;" : "=h"(sum) : "h"(a), "h"(b));
  asm("{.reg .pred p; setp.lt.ftz.f16 p, %1, %2; selp.u32 %0, 1, 0, p;}" : "=r"(less) : "h"(a), "h"(b));
  asm("set.eq.ftz.f16.f16 %0, %1, %2;" : "=h"(equal) : "h"(a), "h"(b));
  asm("{.reg .pred p, q; .reg .b32 t; setp.le.ftz.f16x2 p|q, %1, %2; selp.u32 %0, 1, 0, p; selp.u32 t, 2, 0, q;\n"
      "or.b32 %0, %0, t;}"
      : "=&r"(both)
      : "r"(as_[i]), "r"(bs[i]));
  asm("set.ne.ftz.f16x2.f16x2 %0, %1, %2;" : "=r"(different) : "r"(as_[i]), "r"(bs[i]));
  out[i] = sum, out[count + i] = less, out[2 * count + i] = equal, out[3 * count + i] = both;
  out[4 * count + i] = different;
}
// The single form's result below, that of the packed one with the value in its upper half above.
#define HALF_FUNCTION(line, single, pair)                   \
  asm(single " %0, %1;" : "=h"(one) : "h"(in[i]));          \
  asm(pair " %0, %1;" : "=r"(two) : "r"(u32(in[i]) << 16)); \
  out[(line)*count + i] = one | (two & 0xffff0000u);
extern "C" __global__ void half_functions(const u16* in, u32* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  u16 one;
  u32 two;
  HALF_FUNCTION(0, "ex2.approx.f16", "ex2.approx.f16x2")
  HALF_FUNCTION(1, "tanh.approx.f16", "tanh.approx.f16x2")
  HALF_FUNCTION(2, "ex2.approx.ftz.bf16", "ex2.approx.ftz.bf16x2")
  HALF_FUNCTION(3, "tanh.approx.bf16", "tanh.approx.bf16x2")
}
#undef HALF_FUNCTION
extern "C" __global__ void f16_to_eight(const u32* as_, const u32*, u32* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  u16 e4, e5, relu;
  asm("cvt.rn.satfinite.e4m3x2.f16x2 %0, %1;" : "=h"(e4) : "r"(as_[i]));
  asm("cvt.rn.satfinite.e5m2x2.f16x2 %0, %1;" : "=h"(e5) : "r"(as_[i]));
  asm("cvt.rn.satfinite.relu.e4m3x2.f16x2 %0, %1;" : "=h"(relu) : "r"(as_[i]));
  out[i] = e4, out[count + i] = e5, out[2 * count + i] = relu;
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

// SPDX-License-Identifier: Apache-2.0
// Each line of output is one operation on the thread's a, b, c.
#include <cstdint>

#define PTX_F32(name, text)                          \
  __device__ float name(float a, float b, float c) { \
    float d;                                         \
    asm(text : "=f"(d) : "f"(a), "f"(b), "f"(c));    \
    return d;                                        \
  }
PTX_F32(add_sat, "{.reg .f32 t; add.sat.f32 t, %1, %2; mov.f32 %0, t; sub.f32 t, %3, %3;}")
PTX_F32(min_nan, "{min.NaN.f32 %0, %1, %2; .reg .f32 t; mov.f32 t, %3;}")
PTX_F32(max_xorsign, "{max.xorsign.abs.f32 %0, %1, %2; .reg .f32 t; mov.f32 t, %3;}")
PTX_F32(mul_ftz, "{mul.ftz.f32 %0, %1, %2; .reg .f32 t; mov.f32 t, %3;}")
PTX_F32(add_ftz, "{add.ftz.f32 %0, %1, %2; .reg .f32 t; mov.f32 t, %3;}")
PTX_F32(fma_sat, "fma.rn.sat.f32 %0, %1, %2, %3;")
PTX_F32(copy_sign, "{copysign.f32 %0, %1, %2; .reg .f32 t; mov.f32 t, %3;}")
PTX_F32(div_full, "{div.full.f32 %0, %1, %2; .reg .f32 t; mov.f32 t, %3;}")
PTX_F32(set_ltu, "{set.ltu.f32.f32 %0, %1, %2; .reg .f32 t; mov.f32 t, %3;}")
PTX_F32(slct, "slct.f32.f32 %0, %1, %2, %3;")

extern "C" __global__ void exact(const float* as, const float* bs, const float* cs, float* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const float a = as[i], b = bs[i], c = cs[i];
  int line = 0;
  const auto put = [&](float v) { out[line++ * count + i] = v; };
  put(__fadd_rn(a, b));
  put(__fadd_rz(a, b));
  put(__fadd_ru(a, b));
  put(__fadd_rd(a, b));
  put(__fmul_rn(a, b));
  put(__fmul_rz(a, b));
  put(__fmul_ru(a, b));
  put(__fmul_rd(a, b));
  put(__fmaf_rn(a, b, c));
  put(__fmaf_rz(a, b, c));
  put(__fmaf_ru(a, b, c));
  put(__fmaf_rd(a, b, c));
  put(__fdiv_rn(a, b));
  put(__fdiv_rz(a, b));
  put(__fdiv_ru(a, b));
  put(__fdiv_rd(a, b));
  put(__fsqrt_rn(a));
  put(__fsqrt_rz(a));
  put(__fsqrt_ru(a));
  put(__frcp_rn(a));
  put(__frcp_rd(a));
  put(__fsub_rn(a, b));
  put(fminf(a, b));
  put(fmaxf(a, b));
  put(-a);
  put(fabsf(a));
  put(__saturatef(a));
  put(add_sat(a, b, c));
  put(min_nan(a, b, c));
  put(max_xorsign(a, b, c));
  put(mul_ftz(a, b, c));
  put(add_ftz(a, b, c));
  put(fma_sat(a, b, c));
  put(copy_sign(a, b, c));
  put(div_full(a, b, c));
  put(set_ltu(a, b, c));
  put(slct(a, b, c));
  // Comparisons, ordered and not, one bit each.
  unsigned bits = 0;
  const auto bit = [&](bool p, int k) { bits |= unsigned(p) << k; };
  bit(a < b, 0), bit(a <= b, 1), bit(a > b, 2), bit(a >= b, 3), bit(a == b, 4), bit(a != b, 5);
  bit(!(a < b), 6), bit(!(a >= b), 7), bit(isnan(a), 8), bit(isfinite(a), 9), bit(isinf(a), 10), bit(signbit(a), 11);
  int subnormal;
  asm("{.reg .pred p; testp.subnormal.f32 p, %1; selp.s32 %0, 1, 0, p;}" : "=r"(subnormal) : "f"(a));
  bit(subnormal != 0, 12);
  put(__uint_as_float(bits & 0xffff));
}

extern "C" __global__ void exact_double(const double* as, const double* bs, const double* cs, double* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const double a = as[i], b = bs[i], c = cs[i];
  int line = 0;
  const auto put = [&](double v) { out[line++ * count + i] = v; };
  put(__dadd_rn(a, b));
  put(__dadd_rz(a, b));
  put(__dmul_ru(a, b));
  put(__fma_rn(a, b, c));
  put(__fma_rd(a, b, c));
  put(__ddiv_rn(a, b));
  put(__ddiv_ru(a, b));
  put(__dsqrt_rn(a));
  put(__drcp_rz(a));
  put(fmin(a, b));
  put(fmax(a, b));
  put(copysign(a, b));
  put(fabs(a));
  put(a < b ? 1.0 : a == b ? 2.0 : a > b ? 3.0 : 4.0);
}

extern "C" __global__ void approximate(const float* as, float* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const float a = as[i];
  int line = 0;
  const auto put = [&](float v) { out[line++ * count + i] = v; };
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(a));
  put(r);
  asm("lg2.approx.f32 %0, %1;" : "=f"(r) : "f"(fabsf(a)));
  put(r);
  asm("sin.approx.f32 %0, %1;" : "=f"(r) : "f"(a));
  put(r);
  asm("cos.approx.f32 %0, %1;" : "=f"(r) : "f"(a));
  put(r);
  asm("tanh.approx.f32 %0, %1;" : "=f"(r) : "f"(a));
  put(r);
  asm("rcp.approx.f32 %0, %1;" : "=f"(r) : "f"(a));
  put(r);
  asm("sqrt.approx.f32 %0, %1;" : "=f"(r) : "f"(fabsf(a)));
  put(r);
  asm("rsqrt.approx.f32 %0, %1;" : "=f"(r) : "f"(fabsf(a)));
  put(r);
  asm("div.approx.f32 %0, %1, 0f40400000;" : "=f"(r) : "f"(a));
  put(r);
}

// The device's mathematics library as nvcc inlines it: long paths through bit tricks, tables and branches.
extern "C" __global__ void library(const double* as, double* out, float* out32, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const double a = as[i];
  const float f = float(a);
  int line = 0;
  const auto put = [&](double v, float v32) {
    out[line * count + i] = v;
    out32[line++ * count + i] = v32;
  };
  put(sin(a), sinf(f));
  put(cos(a), cosf(f));
  put(tan(a), tanf(f));
  put(exp(a * 0.01), expf(f * 0.01f));
  put(log(fabs(a)), logf(fabsf(f)));
  put(pow(fabs(a), 1.7), powf(fabsf(f), 1.7f));
  put(erf(a * 0.01), erff(f * 0.01f));
  put(tanh(a * 0.01), tanhf(f * 0.01f));
  put(atan2(a, 3.0), atan2f(f, 3.0f));
  put(cbrt(a), cbrtf(f));
  put(fmod(a, 0.37), fmodf(f, 0.37f));
  put(lgamma(fabs(a) + 0.5), lgammaf(fabsf(f) + 0.5f));
  put(expm1(a * 0.001), expm1f(f * 0.001f));
  put(log1p(fabs(a)), log1pf(fabsf(f)));
  put(rint(a), rintf(f));
  put(round(a), roundf(f));
  put(a / 7.3, f / 7.3f);
  put(sqrt(fabs(a)), sqrtf(fabsf(f)));
}

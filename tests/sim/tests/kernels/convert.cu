// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

using s8 = signed char;
using u8 = unsigned char;
using s16 = short;
using u16 = unsigned short;
using u32 = unsigned;
using s64 = long long;
using u64 = unsigned long long;

extern "C" __global__ void float_to_integer(const float* in, s64* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const float x = in[i];
  int line = 0;
  const auto put = [&](s64 v) { out[line++ * count + i] = v; };
  put(__float2int_rn(x));
  put(__float2int_rz(x));
  put(__float2int_ru(x));
  put(__float2int_rd(x));
  put(__float2uint_rn(x));
  put(__float2uint_rz(x));
  put(__float2ll_rn(x));
  put(__float2ll_rd(x));
  put(s64(__float2ull_rz(x)));
  int narrow;
  asm("{.reg .s16 t; cvt.rzi.s16.f32 t, %1; cvt.s32.s16 %0, t;}" : "=r"(narrow) : "f"(x));
  put(narrow);
  asm("{.reg .u16 t; cvt.rzi.u8.f32 t, %1; cvt.u32.u16 %0, t;}" : "=r"(narrow) : "f"(x));
  put(narrow);
  float f;
  asm("cvt.rmi.f32.f32 %0, %1;" : "=f"(f) : "f"(x));
  put(__float_as_int(f));
  asm("cvt.rni.f32.f32 %0, %1;" : "=f"(f) : "f"(x));
  put(__float_as_int(f));
  asm("cvt.sat.f32.f32 %0, %1;" : "=f"(f) : "f"(x));
  put(__float_as_int(f));
}
extern "C" __global__ void double_to_other(const double* in, s64* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const double x = in[i];
  int line = 0;
  const auto put = [&](s64 v) { out[line++ * count + i] = v; };
  put(__double2int_rn(x));
  put(__double2int_rz(x));
  put(__double2ll_ru(x));
  put(s64(__double2ull_rn(x)));
  put(__float_as_int(__double2float_rn(x)));
  put(__float_as_int(__double2float_rz(x)));
  put(__float_as_int(__double2float_ru(x)));
  put(__float_as_int(__double2float_rd(x)));
}
extern "C" __global__ void integer_to_other(const s64* in, s64* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const s64 x = in[i];
  int line = 0;
  const auto put = [&](s64 v) { out[line++ * count + i] = v; };
  put(s8(x));
  put(u8(x));
  put(s16(x));
  put(u16(x));
  put(int(x));
  put(u32(x));
  put(__float_as_int(float(int(x))));
  put(__float_as_int(float(u32(x))));
  put(__float_as_int(float(x)));
  put(__float_as_int(float(u64(x))));
  put(__float_as_int(__ll2float_rz(x)));
  put(__float_as_int(__ull2float_ru(u64(x))));
  put(__double_as_longlong(double(x)));
  put(__double_as_longlong(double(u64(x))));
  put(__double_as_longlong(__ll2double_rd(x)));
  put(__double_as_longlong(double(int(x))));
  int r;
  asm("{.reg .s16 t; cvt.sat.s8.s32 t, %1; cvt.s32.s16 %0, t;}" : "=r"(r) : "r"(int(x)));
  put(r);
  asm("{.reg .u16 t; cvt.sat.u8.s32 t, %1; cvt.u32.u16 %0, t;}" : "=r"(r) : "r"(int(x)));
  put(r);
  asm("cvt.sat.u32.s64 %0, %1;" : "=r"(r) : "l"(x));
  put(u32(r));
  asm("cvt.sat.s32.u64 %0, %1;" : "=r"(r) : "l"(x));
  put(r);
  asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(int(x)), "r"(int(x >> 32)), "r"(0x1234));
  put(u32(r));
}

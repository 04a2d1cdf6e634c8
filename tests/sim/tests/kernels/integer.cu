// SPDX-License-Identifier: Apache-2.0
// Each line of output is one operation on the thread's a, b, c. Where C++ has no spelling, inline PTX says it.
#include <cstdint>

using u16 = std::uint16_t;
using s16 = std::int16_t;
using u32 = std::uint32_t;
using s32 = std::int32_t;
using u64 = std::uint64_t;
using s64 = std::int64_t;

#define PTX3(name, text)                          \
  __device__ u32 name(u32 a, u32 b, u32 c) {      \
    u32 d;                                        \
    asm(text : "=r"(d) : "r"(a), "r"(b), "r"(c)); \
    return d;                                     \
  }
PTX3(mad_hi_s, "mad.hi.s32 %0, %1, %2, %3;")
PTX3(mad_lo, "mad.lo.u32 %0, %1, %2, %3;")
PTX3(sad_s, "sad.s32 %0, %1, %2, %3;")
PTX3(bfe_u, "bfe.u32 %0, %1, %2, %3;")
PTX3(bfe_s, "bfe.s32 %0, %1, %2, %3;")
PTX3(bfi_b, "bfi.b32 %0, %1, %2, %3, 7;")
PTX3(shf_l_wrap, "shf.l.wrap.b32 %0, %1, %2, %3;")
PTX3(shf_l_clamp, "shf.l.clamp.b32 %0, %1, %2, %3;")
PTX3(shf_r_wrap, "shf.r.wrap.b32 %0, %1, %2, %3;")
PTX3(shf_r_clamp, "shf.r.clamp.b32 %0, %1, %2, %3;")
PTX3(lop3_mux, "lop3.b32 %0, %1, %2, %3, 0xCA;")
PTX3(lop3_majority, "lop3.b32 %0, %1, %2, %3, 0xE8;")
PTX3(prmt_index, "prmt.b32 %0, %1, %2, %3;")
PTX3(prmt_f4e, "prmt.b32.f4e %0, %1, %2, %3;")
PTX3(prmt_rc16, "prmt.b32.rc16 %0, %1, %2, %3;")
PTX3(dp4a_s, "dp4a.s32.s32 %0, %1, %2, %3;")
PTX3(dp4a_u, "dp4a.u32.u32 %0, %1, %2, %3;")
PTX3(dp2a_lo, "dp2a.lo.s32.s32 %0, %1, %2, %3;")
PTX3(shl_clamps, "{.reg .b32 t; shl.b32 t, %1, %2; add.u32 %0, t, %3;}")
PTX3(shr_u, "{.reg .b32 t; shr.u32 t, %1, %2; add.u32 %0, t, %3;}")
PTX3(shr_s, "{.reg .b32 t; shr.s32 t, %1, %2; add.u32 %0, t, %3;}")
PTX3(add_sat, "{.reg .s32 t; add.sat.s32 t, %1, %2; xor.b32 %0, t, %3;}")
PTX3(sub_sat, "{.reg .s32 t; sub.sat.s32 t, %1, %2; xor.b32 %0, t, %3;}")
PTX3(mul24_s, "{.reg .s32 t; mul24.lo.s32 t, %1, %2; xor.b32 %0, t, %3;}")
PTX3(bfind_s, "{.reg .b32 t; bfind.s32 t, %1; xor.b32 %0, %2, %3; add.u32 %0, %0, t;}")
PTX3(bmsk, "{.reg .b32 t; bmsk.clamp.b32 t, %1, %2; xor.b32 %0, t, %3;}")
PTX3(slct_s, "slct.s32.s32 %0, %1, %2, %3;")
PTX3(set_lt, "{.reg .b32 t; set.lt.u32.s32 t, %1, %2; xor.b32 %0, t, %3;}")
PTX3(min_packed, "{.reg .b32 t; min.s16x2 t, %1, %2; xor.b32 %0, t, %3;}")

extern "C" __global__ void integers(const u32* as, const u32* bs, const u32* cs, u32* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const u32 a = as[i], b = bs[i], c = cs[i];
  const s32 sa = s32(a), sb = s32(b);
  int line = 0;
  const auto put = [&](u32 v) { out[line++ * count + i] = v; };
  put(a + b);
  put(a - b);
  put(a * b);
  put(__umulhi(a, b));
  put(u32(__mulhi(sa, sb)));
  put(b == 0 ? 7 : a / b);
  put(b == 0 ? 7 : a % b);
  put(b == 0 || sb == -1 ? 7 : u32(sa / sb));
  put(b == 0 || sb == -1 ? 7 : u32(sa % sb));
  put(u32(min(sa, sb)));
  put(max(a, b));
  put(u32(abs(sa)));
  put(__popc(a));
  put(u32(__clz(sa)));
  put(__brev(a));
  put(mad_hi_s(a, b, c));
  put(mad_lo(a, b, c));
  put(sad_s(a, b, c));
  put(bfe_u(a, b, c));
  put(bfe_s(a, b, c));
  put(bfi_b(a, b, c & 31));
  put(shf_l_wrap(a, b, c));
  put(shf_l_clamp(a, b, c));
  put(shf_r_wrap(a, b, c));
  put(shf_r_clamp(a, b, c));
  put(lop3_mux(a, b, c));
  put(lop3_majority(a, b, c));
  put(prmt_index(a, b, c));
  put(prmt_f4e(a, b, c));
  put(prmt_rc16(a, b, c));
  put(dp4a_s(a, b, c));
  put(dp4a_u(a, b, c));
  put(dp2a_lo(a, b, c));
  put(shl_clamps(a, b, c));
  put(shr_u(a, b, c));
  put(shr_s(a, b, c));
  put(add_sat(a, b, c));
  put(sub_sat(a, b, c));
  put(mul24_s(a, b, c));
  put(bfind_s(a, b, c));
  put(bmsk(a, b, c));
  put(slct_s(a, b, c));
  put(set_lt(a, b, c));
  put(min_packed(a, b, c));
}

extern "C" __global__ void wide_integers(const u64* as, const u64* bs, const u64* cs, u64* out, int count) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const u64 a = as[i], b = bs[i], c = cs[i];
  const s64 sa = s64(a), sb = s64(b);
  int line = 0;
  const auto put = [&](u64 v) { out[line++ * count + i] = v; };
  put(a + b);
  put(a * b);
  put(__umul64hi(a, b));
  put(u64(__mul64hi(sa, sb)));
  put(b == 0 ? 7 : a / b);
  put(b == 0 || sb == -1 ? 7 : u64(sa % sb));
  put(u64(sa >> (c & 63)));
  put(u64(__popcll(a)) << 32 | u64(__clzll(sa)));
  put(__brevll(a));
  put(u64(s64(s32(a)) * s64(s32(b))));  // mul.wide
  put(u64(u32(a)) * u32(b) + c);        // mad.wide
  put(u64(s64(s16(a)) * s16(b)));
  const unsigned __int128 product = (unsigned __int128)a * b + c;  // carries
  put(u64(product >> 64));
  put(u64(product));
  const unsigned __int128 difference = ((unsigned __int128)a << 64 | b) - c;
  put(u64(difference >> 64));
  put(u64(u16(a) * 3 + u16(b)) & 0xffff);
  u64 x;
  asm("{.reg .b32 lo, hi; .reg .u32 l2; mov.b64 {lo, hi}, %1; add.cc.u32 l2, lo, hi; addc.u32 hi, 0, 0; mov.b64 %0, "
      "{l2, hi};}"
      : "=l"(x)
      : "l"(a));
  put(x);
  asm("bfe.s64 %0, %1, 5, 40;" : "=l"(x) : "l"(a));
  put(x);
  asm("bfi.b64 %0, %1, %2, 12, 30;" : "=l"(x) : "l"(a), "l"(b));
  put(x);
}

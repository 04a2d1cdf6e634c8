// SPDX-License-Identifier: Apache-2.0
// Fragments are loaded and stored by the places that the PTX manual gives, written out here once more.
#include <cstdint>

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;

// rows x columns of 16 or 8 bits, row major; B as n x k (column major).
__device__ u32 pair16(const u16* m, int row, int column, int width) {
  return m[row * width + column] | u32(m[row * width + column + 1]) << 16;
}
__device__ u32 quad8(const u8* m, int row, int column, int width) {
  u32 r = 0;
  for (int k = 3; k >= 0; --k) r = r << 8 | m[row * width + column + k];
  return r;
}

#define MMA_16(name, type)                                                                                      \
  extern "C" __global__ void name(const u16* a, const u16* b, const float* c, float* d) {                       \
    const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;                                               \
    const u32 a0 = pair16(a, g, 2 * t, 16), a1 = pair16(a, g + 8, 2 * t, 16), a2 = pair16(a, g, 2 * t + 8, 16), \
              a3 = pair16(a, g + 8, 2 * t + 8, 16);                                                             \
    const u32 b0 = pair16(b, g, 2 * t, 16), b1 = pair16(b, g, 2 * t + 8, 16);                                   \
    float r0, r1, r2, r3;                                                                                       \
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." type "." type                                         \
                 ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"                               \
                 : "=f"(r0), "=f"(r1), "=f"(r2), "=f"(r3)                                                       \
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1), "f"(c[g * 8 + 2 * t]),                 \
                   "f"(c[g * 8 + 2 * t + 1]), "f"(c[(g + 8) * 8 + 2 * t]), "f"(c[(g + 8) * 8 + 2 * t + 1]));    \
    d[g * 8 + 2 * t] = r0, d[g * 8 + 2 * t + 1] = r1;                                                           \
    d[(g + 8) * 8 + 2 * t] = r2, d[(g + 8) * 8 + 2 * t + 1] = r3;                                               \
  }
MMA_16(mma_f16, "f16")
MMA_16(mma_bf16, "bf16")

extern "C" __global__ void mma_f16_f16(const u16* a, const u16* b, const u16* c, u16* d) {
  const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;
  u32 r0, r1;
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%8,%9};"
               : "=r"(r0), "=r"(r1)
               : "r"(pair16(a, g, 2 * t, 16)), "r"(pair16(a, g + 8, 2 * t, 16)), "r"(pair16(a, g, 2 * t + 8, 16)),
                 "r"(pair16(a, g + 8, 2 * t + 8, 16)), "r"(pair16(b, g, 2 * t, 16)), "r"(pair16(b, g, 2 * t + 8, 16)),
                 "r"(pair16(c, g, 2 * t, 8)), "r"(pair16(c, g + 8, 2 * t, 8)));
  d[g * 8 + 2 * t] = u16(r0), d[g * 8 + 2 * t + 1] = u16(r0 >> 16);
  d[(g + 8) * 8 + 2 * t] = u16(r1), d[(g + 8) * 8 + 2 * t + 1] = u16(r1 >> 16);
}

extern "C" __global__ void mma_tf32(const u32* a, const u32* b, const float* c, float* d) {
  const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;
  float r0, r1, r2, r3;
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
      : "=f"(r0), "=f"(r1), "=f"(r2), "=f"(r3)
      : "r"(a[g * 8 + t]), "r"(a[(g + 8) * 8 + t]), "r"(a[g * 8 + t + 4]), "r"(a[(g + 8) * 8 + t + 4]),
        "r"(b[g * 8 + t]), "r"(b[g * 8 + t + 4]), "f"(c[g * 8 + 2 * t]), "f"(c[g * 8 + 2 * t + 1]),
        "f"(c[(g + 8) * 8 + 2 * t]), "f"(c[(g + 8) * 8 + 2 * t + 1]));
  d[g * 8 + 2 * t] = r0, d[g * 8 + 2 * t + 1] = r1, d[(g + 8) * 8 + 2 * t] = r2, d[(g + 8) * 8 + 2 * t + 1] = r3;
}

#define MMA_8(name, types, saturate)                                                                                \
  extern "C" __global__ void name(const u8* a, const u8* b, const int* c, int* d) {                                 \
    const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;                                                   \
    int r0, r1, r2, r3;                                                                                             \
    asm volatile("mma.sync.aligned.m16n8k32.row.col" saturate ".s32." types                                         \
                 ".s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"                                   \
                 : "=r"(r0), "=r"(r1), "=r"(r2), "=r"(r3)                                                           \
                 : "r"(quad8(a, g, 4 * t, 32)), "r"(quad8(a, g + 8, 4 * t, 32)), "r"(quad8(a, g, 4 * t + 16, 32)),  \
                   "r"(quad8(a, g + 8, 4 * t + 16, 32)), "r"(quad8(b, g, 4 * t, 32)),                               \
                   "r"(quad8(b, g, 4 * t + 16, 32)), "r"(c[g * 8 + 2 * t]), "r"(c[g * 8 + 2 * t + 1]),              \
                   "r"(c[(g + 8) * 8 + 2 * t]), "r"(c[(g + 8) * 8 + 2 * t + 1]));                                   \
    d[g * 8 + 2 * t] = r0, d[g * 8 + 2 * t + 1] = r1, d[(g + 8) * 8 + 2 * t] = r2, d[(g + 8) * 8 + 2 * t + 1] = r3; \
  }
MMA_8(mma_s8, "s8.s8", "")
MMA_8(mma_u8_s8, "u8.s8", "")
MMA_8(mma_s8_saturate, "s8.s8", ".satfinite")

// The smaller shapes: half the columns of A and the rows of B.
#define MMA_16_SMALL(name, type)                                                                              \
  extern "C" __global__ void name(const u16* a, const u16* b, const float* c, float* d) {                     \
    const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;                                             \
    float r0, r1, r2, r3;                                                                                     \
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32." type "." type                                        \
                 ".f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};"                                         \
                 : "=f"(r0), "=f"(r1), "=f"(r2), "=f"(r3)                                                     \
                 : "r"(pair16(a, g, 2 * t, 8)), "r"(pair16(a, g + 8, 2 * t, 8)), "r"(pair16(b, g, 2 * t, 8)), \
                   "f"(c[g * 8 + 2 * t]), "f"(c[g * 8 + 2 * t + 1]), "f"(c[(g + 8) * 8 + 2 * t]),             \
                   "f"(c[(g + 8) * 8 + 2 * t + 1]));                                                          \
    d[g * 8 + 2 * t] = r0, d[g * 8 + 2 * t + 1] = r1;                                                         \
    d[(g + 8) * 8 + 2 * t] = r2, d[(g + 8) * 8 + 2 * t + 1] = r3;                                             \
  }
MMA_16_SMALL(mma_f16_k8, "f16")
MMA_16_SMALL(mma_bf16_k8, "bf16")

extern "C" __global__ void mma_tf32_k4(const u32* a, const u32* b, const float* c, float* d) {
  const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;
  float r0, r1, r2, r3;
  asm volatile("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};"
               : "=f"(r0), "=f"(r1), "=f"(r2), "=f"(r3)
               : "r"(a[g * 4 + t]), "r"(a[(g + 8) * 4 + t]), "r"(b[g * 4 + t]), "f"(c[g * 8 + 2 * t]),
                 "f"(c[g * 8 + 2 * t + 1]), "f"(c[(g + 8) * 8 + 2 * t]), "f"(c[(g + 8) * 8 + 2 * t + 1]));
  d[g * 8 + 2 * t] = r0, d[g * 8 + 2 * t + 1] = r1, d[(g + 8) * 8 + 2 * t] = r2, d[(g + 8) * 8 + 2 * t + 1] = r3;
}

#define MMA_8_SMALL(name, types)                                                                                     \
  extern "C" __global__ void name(const u8* a, const u8* b, const int* c, int* d) {                                  \
    const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;                                                    \
    int r0, r1, r2, r3;                                                                                              \
    asm volatile("mma.sync.aligned.m16n8k16.row.col.s32." types ".s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%8,%9,%10};" \
                 : "=r"(r0), "=r"(r1), "=r"(r2), "=r"(r3)                                                            \
                 : "r"(quad8(a, g, 4 * t, 16)), "r"(quad8(a, g + 8, 4 * t, 16)), "r"(quad8(b, g, 4 * t, 16)),        \
                   "r"(c[g * 8 + 2 * t]), "r"(c[g * 8 + 2 * t + 1]), "r"(c[(g + 8) * 8 + 2 * t]),                    \
                   "r"(c[(g + 8) * 8 + 2 * t + 1]));                                                                 \
    d[g * 8 + 2 * t] = r0, d[g * 8 + 2 * t + 1] = r1, d[(g + 8) * 8 + 2 * t] = r2, d[(g + 8) * 8 + 2 * t + 1] = r3;  \
  }
MMA_8_SMALL(mma_s8_k16, "s8.s8")
MMA_8_SMALL(mma_u8_k16, "u8.u8")

#define MMA_FLOAT_8(name, types)                                                                                   \
  extern "C" __global__ void name(const u8* a, const u8* b, const float* c, float* d) {                            \
    const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;                                                  \
    float r0, r1, r2, r3;                                                                                          \
    asm volatile("mma.sync.aligned.m16n8k32.row.col.f32." types                                                    \
                 ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"                                  \
                 : "=f"(r0), "=f"(r1), "=f"(r2), "=f"(r3)                                                          \
                 : "r"(quad8(a, g, 4 * t, 32)), "r"(quad8(a, g + 8, 4 * t, 32)), "r"(quad8(a, g, 4 * t + 16, 32)), \
                   "r"(quad8(a, g + 8, 4 * t + 16, 32)), "r"(quad8(b, g, 4 * t, 32)),                              \
                   "r"(quad8(b, g, 4 * t + 16, 32)), "f"(c[g * 8 + 2 * t]), "f"(c[g * 8 + 2 * t + 1]),             \
                   "f"(c[(g + 8) * 8 + 2 * t]), "f"(c[(g + 8) * 8 + 2 * t + 1]));                                  \
    d[g * 8 + 2 * t] = r0, d[g * 8 + 2 * t + 1] = r1;                                                              \
    d[(g + 8) * 8 + 2 * t] = r2, d[(g + 8) * 8 + 2 * t + 1] = r3;                                                  \
  }
MMA_FLOAT_8(mma_e4m3, "e4m3.e4m3")
MMA_FLOAT_8(mma_e5m2_e4m3, "e5m2.e4m3")

extern "C" __global__ void mma_f64(const double* a, const double* b, const double* c, double* d) {
  const int g = int(threadIdx.x) / 4, t = int(threadIdx.x) % 4;
  double r0, r1;
  asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1}, {%2}, {%3}, {%4,%5};"
               : "=d"(r0), "=d"(r1)
               : "d"(a[g * 4 + t]), "d"(b[g * 4 + t]), "d"(c[g * 8 + 2 * t]), "d"(c[g * 8 + 2 * t + 1]));
  d[g * 8 + 2 * t] = r0, d[g * 8 + 2 * t + 1] = r1;
}

// Four matrices of 8 x 8; out[transposed][register][lane].
extern "C" __global__ void load_matrices(const u16* in, u32* out, u16* back) {
  __shared__ alignas(16) u16 s[4 * 64];
  for (int k = int(threadIdx.x); k < 256; k += 32) s[k] = in[k];
  __syncwarp();
  const u32 at = u32(__cvta_generic_to_shared(s + threadIdx.x * 8));
  u32 r[4];
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
  for (int k = 0; k < 4; ++k) out[k * 32 + int(threadIdx.x)] = r[k];
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
  for (int k = 0; k < 4; ++k) out[128 + k * 32 + int(threadIdx.x)] = r[k];
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(at) : "memory");
  out[256 + threadIdx.x] = r[0];
  __syncwarp();
  asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1,%2};" ::"r"(at), "r"(r[0]), "r"(r[1])
               : "memory");
  __syncwarp();
  back[threadIdx.x] = s[threadIdx.x], back[32 + threadIdx.x] = s[32 + threadIdx.x];
}

// SPDX-License-Identifier: Apache-2.0
// What the machine's speed is measured on.
#include <cstdint>

extern "C" __global__ void arithmetic(float* out, int rounds) {
  float a = float(threadIdx.x), b = 0.5f;
  std::uint32_t hash = blockIdx.x * blockDim.x + threadIdx.x;
  for (int i = 0; i < rounds; ++i) {
    a = a * 0.999f + b;
    b = b * a - 0.25f;
    hash = hash * 1664525u + 1013904223u;
    hash ^= hash >> 13;
  }
  out[blockIdx.x * blockDim.x + threadIdx.x] = a + b + float(hash & 255);
}

extern "C" __global__ void copy4(const float4* in, float4* out, int n) {
  for (int i = int(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += int(gridDim.x * blockDim.x)) {
    float4 v = in[i];
    v.x *= 2, v.y *= 2, v.z *= 2, v.w *= 2;
    out[i] = v;
  }
}

// A row for each block: read once into shared memory, maximum, sum of exponentials, quotient.
extern "C" __global__ void softmax(const float* x, float* y, int n) {
  extern __shared__ float row[];
  __shared__ float part[32];
  const unsigned warps = blockDim.x / 32;
  float most = -INFINITY;
  for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) {
    row[i] = x[blockIdx.x * std::size_t(n) + i];
    most = fmaxf(most, row[i]);
  }
  for (int d = 16; d > 0; d /= 2) most = fmaxf(most, __shfl_xor_sync(~0u, most, d));
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = most;
  __syncthreads();
  for (unsigned w = 0; w < warps; ++w) most = fmaxf(most, part[w]);
  float sum = 0;
  for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) {
    row[i] = __expf(row[i] - most);
    sum += row[i];
  }
  for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(~0u, sum, d);
  __syncthreads();
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
  __syncthreads();
  sum = 0;
  for (unsigned w = 0; w < warps; ++w) sum += part[w];
  for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) y[blockIdx.x * std::size_t(n) + i] = row[i] / sum;
}

// 16 x 16 tiles through shared memory.
extern "C" __global__ void matmul(const float* a, const float* b, float* c, int n) {
  __shared__ float left[16][16], right[16][16];
  const int row = int(blockIdx.y * 16 + threadIdx.y), column = int(blockIdx.x * 16 + threadIdx.x);
  float sum = 0;
  for (int k = 0; k < n; k += 16) {
    left[threadIdx.y][threadIdx.x] = a[row * n + k + int(threadIdx.x)];
    right[threadIdx.y][threadIdx.x] = b[(k + int(threadIdx.y)) * n + column];
    __syncthreads();
    for (int j = 0; j < 16; ++j) sum += left[threadIdx.y][j] * right[j][threadIdx.x];
    __syncthreads();
  }
  c[row * n + column] = sum;
}

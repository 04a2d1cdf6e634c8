// SPDX-License-Identifier: Apache-2.0
#include <cassert>
#include <cstdio>

extern "C" __global__ void collatz(const int* in, int* out, int n) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  int steps = 0;
  for (unsigned x = unsigned(in[i]); x != 1; ++steps) x = x % 2 == 0 ? x / 2 : 3 * x + 1;
  out[i] = steps;
}
extern "C" __global__ void cases(const int* in, int* out) {
  const int i = int(threadIdx.x);
  int r;
  switch (in[i]) {
    case 0:
      r = out[i] + 3;
      break;
    case 1:
      r = out[i] * 5;
      break;
    case 2:
      r = out[i] - 7;
      break;
    case 3:
      r = out[i] ^ 21;
      break;
    case 4:
      r = out[i] << 2;
      break;
    case 5:
      r = out[i] / 3;
      break;
    case 6:
      r = out[i] % 5;
      break;
    default:
      r = -1;
  }
  out[i] = r;
}
struct pair {
  int a[3];
  double b;
};
__noinline__ __device__ pair twist(pair p, int k) {
  p.a[k] += 10;
  p.b *= k;
  return p;
}
__noinline__ __device__ int weigh(int x) { return x > 3 ? x * 2 : x; }
extern "C" __global__ void calls(int* out) {
  const int i = int(threadIdx.x);
  pair p{{i, 2 * i, 3 * i}, 0.5};
  p = twist(p, i % 3);
  if (i % 2 == 0) p.a[0] += weigh(i);  // some lanes call
  p = twist(p, 1);
  out[i] = p.a[0] * 10000 + p.a[1] * 100 + p.a[2] + int(p.b * 4);
}
__noinline__ __device__ int doubled(int x) { return 2 * x; }
__noinline__ __device__ int raised(int x) { return x + 100; }
extern "C" __global__ void pointers(int* out, int split) {
  int (*f)(int) = int(threadIdx.x) < split ? doubled : raised;
  out[threadIdx.x] = f(int(threadIdx.x));
}
__device__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
extern "C" __global__ void recursive(int* out) { out[threadIdx.x] = fibonacci(int(threadIdx.x)); }

extern "C" __global__ void prints(int n) {
  if (int(threadIdx.x) < n)
    printf("%d of %s: %5.2f %c %llx%%\n", int(blockIdx.x), "two", 1.5 * threadIdx.x, 'x', 0x123456789aull);
}
extern "C" __global__ void asserts(int* out, int bad) {
  assert(int(threadIdx.x) != bad);
  out[threadIdx.x] = 1;
}
extern "C" __global__ void traps(int* out, int bad) {
  if (int(threadIdx.x) == bad) __trap();
  out[threadIdx.x] = 1;
}
// A lock between lanes of one warp: the lane that holds it must get on while the others spin.
extern "C" __global__ void lock(int* mutex, int* counter) {
  bool done = false;
  while (!done) {
    if (atomicCAS(mutex, 0, 1) == 0) {
      __threadfence();
      *reinterpret_cast<volatile int*>(counter) = *reinterpret_cast<volatile int*>(counter) + 1;
      __threadfence();
      atomicExch(mutex, 0);
      done = true;
    }
  }
}
// The waiting lanes stand before the one that sets the flag.
extern "C" __global__ void lane_waits(volatile int* flag, int* out) {
  if (threadIdx.x != 31) {
    while (*flag == 0) {
    }
  } else {
    *flag = 1;
  }
  out[threadIdx.x] = 7;
}
extern "C" __global__ void coordinates(unsigned* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  unsigned lane, warp, less, greater;
  asm("mov.u32 %0, %%laneid;" : "=r"(lane));
  asm("mov.u32 %0, %%warpid;" : "=r"(warp));
  asm("mov.u32 %0, %%lanemask_lt;" : "=r"(less));
  asm("mov.u32 %0, %%lanemask_ge;" : "=r"(greater));
  const unsigned at = block * blockDim.x * blockDim.y * blockDim.z + thread;
  out[at] = lane == thread % 32 && warp == thread / 32 && less == (1u << lane) - 1 && greater == ~less ? thread : ~0u;
}
extern "C" __global__ void clocks(long long* out) {
  const long long begin = clock64();
  __nanosleep(20);
  out[threadIdx.x] = clock64() - begin;
}

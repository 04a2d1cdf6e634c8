// SPDX-License-Identifier: Apache-2.0
// Faults planted one by one; `bad` chooses between the fault and its twin.
#include <cooperative_groups.h>
#include <cuda_pipeline.h>

extern "C" __global__ void beyond(const int* in, int* out, int n, int bad) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n + bad) out[i] = in[i] + 1;
}
extern "C" __global__ void skewed(const char* in, int* out, int bad) {
  out[threadIdx.x] = *reinterpret_cast<const int*>(in + 4 * threadIdx.x + (threadIdx.x == 5 ? bad : 0));
}
extern "C" __global__ void read_all(const int* in, int* out) { out[threadIdx.x] = in[threadIdx.x]; }
extern "C" __global__ void shared_unwritten(int* out, int bad) {
  __shared__ int s[64];
  if (!bad || threadIdx.x != 7) s[threadIdx.x] = int(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x ^ 1];
}
extern "C" __global__ void shared_beyond(int* out, int index) {
  extern __shared__ int dynamic[];
  dynamic[threadIdx.x] = 1;
  if (threadIdx.x == 3) dynamic[index] = 2;
  __syncthreads();
  out[threadIdx.x] = dynamic[threadIdx.x];
}
extern "C" __global__ void local_beyond(int* out, int index) {
  int values[8];
  for (int k = 0; k < 8; ++k) values[k] = out[k];
  out[threadIdx.x] = values[index];
}

__constant__ int table[4] = {1, 2, 3, 4};
extern "C" __global__ void read_constant(int* out) { out[threadIdx.x] = table[threadIdx.x & 3]; }
extern "C" __global__ void write_through(int* to) { *to = 5; }

// Shared memory.
extern "C" __global__ void neighbour(int* out, int barrier) {
  __shared__ int s[128];
  s[threadIdx.x] = int(threadIdx.x);
  if (barrier) __syncthreads();
  out[threadIdx.x] = s[(threadIdx.x + 32) % 128];
}
extern "C" __global__ void neighbour_in_warp(int* out, int barrier) {
  __shared__ int s[32];
  s[threadIdx.x] = int(threadIdx.x);
  if (barrier) __syncwarp();
  out[threadIdx.x] = s[(threadIdx.x + 1) % 32];
}
extern "C" __global__ void trailing(int* out, int barrier) {
  __shared__ int total;
  for (int round = 0; round < 3; ++round) {
    if (threadIdx.x == 0) total = round;
    __syncthreads();
    out[round * int(blockDim.x) + int(threadIdx.x)] = total;
    if (barrier) __syncthreads();
  }
}
extern "C" __global__ void bytes_apart(char* out, int overlap) {
  __shared__ char s[64];
  s[threadIdx.x] = char(threadIdx.x);
  if (overlap && threadIdx.x == 33) s[3] = 1;
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x];
}
extern "C" __global__ void shared_atomics(int* out) {
  __shared__ int s;
  if (threadIdx.x == 0) s = 0;
  __syncthreads();
  atomicAdd(&s, int(threadIdx.x));
  __syncthreads();
  out[threadIdx.x] = s;
}
extern "C" __global__ void atomic_against_plain(int* out) {
  __shared__ int s;
  if (threadIdx.x == 0) s = 0;
  __syncthreads();
  atomicAdd(&s, 1);
  if (threadIdx.x == 40) s = 5;
  __syncthreads();
  out[threadIdx.x] = s;
}
// Warps 0 and 1 hand data over through a barrier of their own while warps 2 and 3 go on.
extern "C" __global__ void named_barrier(int* out, int wrong_id) {
  __shared__ int s[64];
  if (threadIdx.x < 64) {
    s[threadIdx.x] = int(threadIdx.x);
    if (wrong_id)
      asm volatile("bar.sync %0, 32;" ::"r"(1 + threadIdx.x / 32) : "memory");
    else
      asm volatile("bar.sync 1, 64;" ::: "memory");
    out[threadIdx.x] = s[threadIdx.x ^ 32];
  } else {
    out[threadIdx.x] = -1;
  }
}
extern "C" __global__ void producer_consumer(int* out) {
  __shared__ int s[32];
  for (int round = 0; round < 4; ++round) {
    if (threadIdx.x < 32) {
      if (round > 0) asm volatile("bar.sync 2, 64;" ::: "memory");
      s[threadIdx.x] = round;
      asm volatile("bar.arrive 1, 64;" ::: "memory");
    } else {
      asm volatile("bar.sync 1, 64;" ::: "memory");
      out[round * 32 + int(threadIdx.x) - 32] = s[threadIdx.x - 32];
      if (round < 3) asm volatile("bar.arrive 2, 64;" ::: "memory");
    }
  }
}

// Global memory between blocks.
extern "C" __global__ void same_word(int* out, int apart) {
  out[apart ? blockIdx.x * blockDim.x + threadIdx.x : threadIdx.x] = int(blockIdx.x);
}
extern "C" __global__ void read_other(int* data, int* out, int other) {
  data[blockIdx.x * blockDim.x + threadIdx.x] = int(threadIdx.x);
  if (other)
    out[blockIdx.x * blockDim.x + threadIdx.x] = data[((blockIdx.x + 1) % gridDim.x) * blockDim.x + threadIdx.x];
}
extern "C" __global__ void count_all(int* counter) { atomicAdd(counter, 1); }
// The last block to finish adds up what all have written.
extern "C" __global__ void last_block(const int* in, int* partial, unsigned* counter, int* out, int fence) {
  __shared__ bool last;
  if (threadIdx.x == 0) {
    int sum = 0;
    for (unsigned k = 0; k < blockDim.x; ++k) sum += in[blockIdx.x * blockDim.x + k];
    partial[blockIdx.x] = sum;
    if (fence) __threadfence();
    last = atomicAdd(counter, 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (last && threadIdx.x == 0) {
    __threadfence();
    int sum = 0;
    for (unsigned k = 0; k < gridDim.x; ++k) sum += partial[k];
    *out = sum;
  }
}
// Each block waits for the one before it: decoupled look-back in its simplest form. Reversed, it waits for one that has
// not begun.
extern "C" __global__ void chain(int* value, int* flag, int reversed) {
  const int me = reversed ? int(gridDim.x - 1 - blockIdx.x) : int(blockIdx.x);
  if (threadIdx.x == 0) {
    int before = 0;
    if (me > 0) {
      while (*reinterpret_cast<volatile int*>(flag + me - 1) == 0) {
      }
      __threadfence();
      before = value[me - 1];
    }
    value[me] = before + me + 1;
    __threadfence();
    *reinterpret_cast<volatile int*>(flag + me) = 1;
  }
}
extern "C" __global__ void grid_barrier(int* data, unsigned* arrived, int* out) {
  data[blockIdx.x * blockDim.x + threadIdx.x] = int(blockIdx.x);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    atomicAdd(arrived, 1);
    while (*reinterpret_cast<volatile unsigned*>(arrived) < gridDim.x) {
    }
    __threadfence();
  }
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = data[((blockIdx.x + 1) % gridDim.x) * blockDim.x + threadIdx.x];
}
// Much traffic of atomics on global and shared memory, with results, is no spin.
extern "C" __global__ void histogram(const int* in, int* bins, int* last, int n) {
  __shared__ int local[16];
  if (threadIdx.x < 16) local[threadIdx.x] = 0;
  __syncthreads();
  int seen = 0;
  for (int i = int(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += int(gridDim.x * blockDim.x)) {
    seen += atomicAdd(&local[in[i] & 15], 1);
    seen += atomicAdd(&bins[in[i] & 15], 1);
  }
  __syncthreads();
  last[blockIdx.x * blockDim.x + threadIdx.x] = seen;
}
extern "C" __global__ void waits_for_ever(volatile int* flag, int wait) {
  while (wait && *flag == 0) {
  }
}

// Barriers.
extern "C" __global__ void half_of_the_warp(int* out, int limit) {
  if (int(threadIdx.x) < limit) __syncthreads();
  out[threadIdx.x] = 1;
}
extern "C" __global__ void two_places(int* out, int bad) {
  if (threadIdx.x < 32 || !bad) {
    __syncthreads();
    out[threadIdx.x] = 1;
  } else {
    asm volatile("bar.sync 3;" ::: "memory");
    out[threadIdx.x] = 2;
  }
}
extern "C" __global__ void too_few(int* out, int count) {
  asm volatile("bar.sync 1, %0;" ::"r"(count) : "memory");
  out[threadIdx.x] = 1;
}

// Lanes.
extern "C" __global__ void shuffle_in_branch(int* out, int limit, unsigned mask) {
  int v = int(threadIdx.x);
  if (int(threadIdx.x) < limit) v = __shfl_xor_sync(mask, v, 16);
  out[threadIdx.x] = v;
}
extern "C" __global__ void not_named(int* out, unsigned mask) {
  out[threadIdx.x] = __shfl_sync(mask, int(threadIdx.x), 0);
}
extern "C" __global__ void never_come(int* out, int bad) {
  if (threadIdx.x < 16 || !bad) {
    out[threadIdx.x] = __shfl_sync(~0u, int(threadIdx.x), 20);
  } else {
    __syncthreads();
    out[threadIdx.x] = 0;
  }
  if (threadIdx.x < 16 && bad) __syncthreads();
}

// cp.async.
extern "C" __global__ void staged(const float* in, float* out, int wait) {
  __shared__ alignas(16) float s[128];
  __pipeline_memcpy_async(s + threadIdx.x * 4, in + threadIdx.x * 4, 16);
  __pipeline_commit();
  if (wait) __pipeline_wait_prior(0);
  __syncwarp();
  for (int k = 0; k < 4; ++k) out[threadIdx.x + 32 * k] = s[threadIdx.x + 32 * k];
}
// Two stages in flight: the first must have arrived when one group may be left.
extern "C" __global__ void two_stages(const float* in, float* out, int left) {
  __shared__ alignas(16) float s[64];
  __pipeline_memcpy_async(s + threadIdx.x, in + threadIdx.x, 4);
  __pipeline_commit();
  __pipeline_memcpy_async(s + 32 + threadIdx.x, in + 32 + threadIdx.x, 4);
  __pipeline_commit();
  if (left == 1) __pipeline_wait_prior(1);
  if (left == 0) __pipeline_wait_prior(0);
  out[threadIdx.x] = s[threadIdx.x];
  if (left == 0) out[32 + threadIdx.x] = s[32 + threadIdx.x];
}
// Only `bytes` of 16 are copied; the rest is zero.
extern "C" __global__ void short_copy(const char* in, char* out, int bytes) {
  __shared__ alignas(16) char s[16];
  for (int k = 0; k < 16; ++k) s[k] = char(99);
  const unsigned to = unsigned(__cvta_generic_to_shared(s));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(in), "r"(bytes) : "memory");
  asm volatile("cp.async.wait_all;" ::: "memory");
  for (int k = 0; k < 16; ++k) out[k] = s[k];
}

// Programmatic dependent launch.
extern "C" __global__ void dependent(const int* before, const int* weights, int* out, int early) {
  const int w = weights[threadIdx.x];
  int b = 0;
  if (early) b = before[threadIdx.x];
  cudaGridDependencySynchronize();
  if (!early) b = before[threadIdx.x];
  out[threadIdx.x] = w + b;
}
extern "C" __global__ void overwrites(int* out, int early) {
  if (early) out[threadIdx.x] = 1;
  cudaGridDependencySynchronize();
  if (!early) out[threadIdx.x] = 1;
}

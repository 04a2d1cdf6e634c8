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

// Exchanges order no memory: the value that a lane stored may not have arrived when its neighbour loads it.
extern "C" __global__ void neighbour_after(int* out, int how) {
  __shared__ int s[32];
  s[threadIdx.x] = int(threadIdx.x);
  int extra = 0;
  if (how == 0) __syncwarp();
  if (how == 1) extra = __shfl_sync(~0u, 0, 0);
  if (how == 2) extra = __any_sync(~0u, threadIdx.x > 99);
  if (how == 3) extra = int(__match_any_sync(~0u, threadIdx.x)) & 0;
  if (how == 4) extra = int(__reduce_add_sync(~0u, 0u));
  if (how == 5) __threadfence_block();
  if (how == 6) __threadfence();
  out[threadIdx.x] = s[(threadIdx.x + 1) % 32] + extra;
}
extern "C" __global__ void neighbour_after_product(int* out, int barrier) {
  __shared__ int s[32];
  s[threadIdx.x] = int(threadIdx.x);
  float d[4];
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %4}, {%4}, {%5, %5, %5, %5};"
               : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
               : "r"(0), "f"(0.0f));
  if (barrier) __syncwarp();
  out[threadIdx.x] = s[(threadIdx.x + 1) % 32] + int(d[0]);
}
// The second half of the warp leaves itself out of the mask that it gives.
extern "C" __global__ void unnamed_in_barrier(int* out, int bad) {
  __syncwarp(bad && threadIdx.x >= 16 ? 0xffffu : threadIdx.x >= 16 ? 0xffff0000u : 0xffffu);
  out[threadIdx.x] = 1;
}
// Odd threads read with volatile loads, even ones plainly: nobody races while nobody writes.
extern "C" __global__ void volatile_readers(int* out, int write) {
  __shared__ int flag;
  if (threadIdx.x == 0) flag = 3;
  __syncthreads();
  const unsigned at = unsigned(__cvta_generic_to_shared(&flag));
  int seen;
  if (threadIdx.x & 1)
    asm volatile("ld.volatile.shared.u32 %0, [%1];" : "=r"(seen) : "r"(at) : "memory");
  else
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(seen) : "r"(at) : "memory");
  if (write && threadIdx.x == 63) asm volatile("st.shared.u32 [%0], 4;" ::"r"(at) : "memory");
  out[threadIdx.x] = seen;
}
// Of volatile accesses alone none races; a plain store does.
extern "C" __global__ void volatile_flag(int* out, int plain) {
  __shared__ int flag;
  if (threadIdx.x == 0) flag = 0;
  __syncthreads();
  const int seen = *static_cast<volatile int*>(&flag);
  if (threadIdx.x == 40 && plain) flag = seen + 1;
  if (threadIdx.x == 40 && !plain) *static_cast<volatile int*>(&flag) = seen + 1;
  out[threadIdx.x] = seen;
}
// Warp 1 only arrives: it learns nothing of what warp 0 did before the barrier.
extern "C" __global__ void reads_after_arrival(int* out, int wait) {
  __shared__ int s[64];
  s[threadIdx.x] = int(threadIdx.x);
  if (threadIdx.x >= 32 && !wait)
    asm volatile("bar.arrive 1, 64;" ::: "memory");
  else
    asm volatile("bar.sync 1, 64;" ::: "memory");
  if (threadIdx.x >= 32) out[threadIdx.x] = s[threadIdx.x ^ 32];
}
// Warps 0 to 2 read; then warp 3 writes, after a barrier with the first `readers` of them.
extern "C" __global__ void overwrites_readers(int* out, int readers) {
  __shared__ int s;
  if (threadIdx.x == 0) s = 7;
  __syncthreads();
  const int warp = int(threadIdx.x / 32);
  if (warp < 3) out[threadIdx.x] = s;
  if (warp < readers || warp == 3) asm volatile("bar.sync 1, %0;" ::"r"(32 * (readers + 1)) : "memory");
  if (threadIdx.x == 96) s = 8;
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
// Between blocks: block 0 releases data by a flag, the others take it up.
template <class Publish, class Observe>
__device__ void hand_over(int* data, int* flag, int* out, Publish publish, Observe observe) {
  if (threadIdx.x != 0) return;
  if (blockIdx.x == 0) {
    *data = 42;
    publish(flag);
  } else {
    observe(flag);
    out[blockIdx.x] = *data;
  }
}
__device__ inline void store_release(int* flag) {
  asm volatile("st.release.gpu.global.u32 [%0], 1;" ::"l"(flag) : "memory");
}
__device__ inline void spin_relaxed(int* flag) {
  int seen;
  do {
    asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(flag) : "memory");
  } while (seen == 0);
}
extern "C" __global__ void by_acquire(int* data, int* flag, int* out) {
  hand_over(data, flag, out, store_release, [](int* f) {
    int seen;
    do {
      asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(f) : "memory");
    } while (seen == 0);
  });
}
extern "C" __global__ void by_fence(int* data, int* flag, int* out, int fence) {
  hand_over(data, flag, out, store_release, [=](int* f) {
    spin_relaxed(f);
    if (fence) __threadfence();
  });
}
extern "C" __global__ void by_volatile(int* data, int* flag, int* out, int fence) {
  hand_over(
      data, flag, out,
      [](int* f) {
        __threadfence();
        *static_cast<volatile int*>(f) = 1;
      },
      [=](int* f) {
        while (*static_cast<volatile int*>(f) == 0) {
        }
        if (fence) __threadfence();
      });
}
extern "C" __global__ void by_block_scope(int* data, int* flag, int* out, int device) {
  hand_over(
      data, flag, out,
      [=](int* f) {
        if (device)
          store_release(f);
        else
          asm volatile("st.release.cta.global.u32 [%0], 1;" ::"l"(f) : "memory");
      },
      [](int* f) {
        spin_relaxed(f);
        __threadfence();
      });
}
extern "C" __global__ void by_block_fence(int* data, int* flag, int* out, int device) {
  hand_over(
      data, flag, out,
      [=](int* f) {
        if (device)
          __threadfence();
        else
          __threadfence_block();
        *static_cast<volatile int*>(f) = 1;
      },
      [](int* f) {
        spin_relaxed(f);
        __threadfence();
      });
}
extern "C" __global__ void count_in_block_scope(int* counter, int device) {
  if (device)
    atomicAdd(counter, 1);
  else
    atomicAdd_block(counter, 1);
}
// A compare-and-swap loop that begins with a plain load reads what other blocks write.
extern "C" __global__ void swap_loop(int* sum, int plain) {
  int seen, expected;
  if (plain)
    asm volatile("ld.global.u32 %0, [%1];" : "=r"(seen) : "l"(sum) : "memory");
  else
    seen = *static_cast<volatile int*>(sum);
  do {
    expected = seen;
    seen = atomicCAS(sum, expected, expected + 1);
  } while (seen != expected);
}
// One word of a warp's contiguous access is another block's.
extern "C" __global__ void one_word_shared(int* data, int lane) {
  if (blockIdx.x == 0) data[threadIdx.x] = 1;
  if (blockIdx.x == 1 && threadIdx.x == 0) data[lane] = 2;
}
extern "C" __global__ void one_word_read(const int* data, int* to, int lane) {
  if (blockIdx.x == 0 && int(threadIdx.x) == lane) to[lane] = 2;
  if (blockIdx.x == 1) to[64 + threadIdx.x] = to[threadIdx.x] + data[threadIdx.x];
}
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
// A third kernel of a chain: what the first writes may still be written if the second never waited.
extern "C" __global__ void never_waits(int* out) { out[threadIdx.x] = 1; }

// A product or a load of matrices by half a warp.
extern "C" __global__ void product_of(int* out, int threads) {
  float d[4] = {};
  if (int(threadIdx.x) < threads)
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %4}, {%4}, {%5, %5, %5, %5};"
                 : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                 : "r"(0), "f"(0.0f));
  out[threadIdx.x] = int(d[0]);
}
extern "C" __global__ void matrix_load_of(int* out, int threads) {
  __shared__ alignas(16) int s[32];
  s[threadIdx.x] = 3;
  __syncwarp();
  int v = 0;
  if (int(threadIdx.x) < threads)
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(v)
                 : "r"(unsigned(__cvta_generic_to_shared(s)) + 16 * (threadIdx.x % 8))
                 : "memory");
  out[threadIdx.x] = v;
}

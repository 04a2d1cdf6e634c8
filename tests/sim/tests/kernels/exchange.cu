// SPDX-License-Identifier: Apache-2.0
extern "C" __global__ void shuffles(const int* in, int* out, int width) {
  const int lane = int(threadIdx.x), v = in[lane];
  int line = 0;
  const auto put = [&](int x) { out[32 * line++ + lane] = x; };
  put(__shfl_sync(~0u, v, 5, width));
  put(__shfl_sync(~0u, v, lane * 3 + 1, width));
  put(__shfl_up_sync(~0u, v, 3, width));
  put(__shfl_down_sync(~0u, v, 2, width));
  put(__shfl_xor_sync(~0u, v, 1, width));
  put(int(__shfl_xor_sync(~0u, double(v), 3) * 2));
}
extern "C" __global__ void votes(const int* in, int* out) {
  const int lane = int(threadIdx.x), v = in[lane];
  int line = 0;
  const auto put = [&](int x) { out[32 * line++ + lane] = x; };
  put(int(__ballot_sync(~0u, v & 1)));
  put(__any_sync(~0u, v == 3));
  put(__all_sync(~0u, v >= 0));
  int uniform;
  asm("{.reg .pred p, q; setp.gt.s32 p, %1, 100; vote.sync.uni.pred q, p, -1; selp.s32 %0, 1, 0, q;}"
      : "=r"(uniform)
      : "r"(v));
  put(uniform);
  put(int(__match_any_sync(~0u, v & 7)));
  int all = 2;
  put(int(__match_all_sync(~0u, v, &all)));
  put(all);
  put(int(__match_all_sync(~0u, 5ll, &all)));
  put(all);
  put(__reduce_add_sync(~0u, v));
  put(__reduce_min_sync(~0u, v - 10));
  put(int(__reduce_max_sync(~0u, unsigned(v - 10))));
  put(int(__reduce_xor_sync(~0u, unsigned(v))));
  put(int(__reduce_and_sync(~0u, unsigned(v | 64))));
  if (lane % 3 == 0) {
    const unsigned group = 0x49249249u;
    put(int(__ballot_sync(group, v & 1)));
    put(__reduce_add_sync(group, v));
    put(__shfl_sync(group, v, 6));
    put(int(__activemask()));
  }
}
extern "C" __global__ void block_votes(const int* in, int* out) {
  const int v = in[threadIdx.x];
  out[threadIdx.x] = __syncthreads_count(v & 1);
  out[blockDim.x + threadIdx.x] = __syncthreads_and(v >= 0);
  out[2 * blockDim.x + threadIdx.x] = __syncthreads_or(v == 77);
}
extern "C" __global__ void elects(unsigned* out, int first) {
  if (int(threadIdx.x) < first) return;
  unsigned leader, chosen;
  asm volatile("{.reg .pred p; elect.sync %0|p, %2; selp.u32 %1, 1, 0, p;}"
               : "=r"(leader), "=r"(chosen)
               : "r"(~0u << first));
  out[threadIdx.x] = leader << 1 | chosen;
}

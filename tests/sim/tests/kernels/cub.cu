// SPDX-License-Identifier: Apache-2.0
// CUB's block algorithms, and device-wide ones to be decoded.
#include <cub/cub.cuh>

extern "C" __global__ void block_algorithms(const int* in, int* scan, unsigned* sorted, float* sum, int* warp_sums) {
  using load = cub::BlockLoad<int, 128, 4, cub::BLOCK_LOAD_WARP_TRANSPOSE>;
  using scanner = cub::BlockScan<int, 128>;
  using sorter = cub::BlockRadixSort<unsigned, 128, 4>;
  using reducer = cub::BlockReduce<float, 128>;
  using warp_reducer = cub::WarpReduce<int>;
  __shared__ union {
    typename load::TempStorage load;
    typename scanner::TempStorage scan;
    typename sorter::TempStorage sort;
    typename reducer::TempStorage reduce;
    typename warp_reducer::TempStorage warp[4];
  } storage;
  int items[4], sums[4];
  load(storage.load).Load(in + blockIdx.x * 512, items);
  __syncthreads();
  scanner(storage.scan).InclusiveSum(items, sums);
  __syncthreads();
  unsigned keys[4];
  for (int k = 0; k < 4; ++k) {
    scan[blockIdx.x * 512 + threadIdx.x * 4 + k] = sums[k];
    keys[k] = unsigned(items[k]);
  }
  sorter(storage.sort).Sort(keys);
  __syncthreads();
  for (int k = 0; k < 4; ++k) sorted[blockIdx.x * 512 + threadIdx.x * 4 + k] = keys[k];
  const float total = reducer(storage.reduce).Sum(float(items[0]));
  if (threadIdx.x == 0) sum[blockIdx.x] = total;
  __syncthreads();
  const int warp_sum = warp_reducer(storage.warp[threadIdx.x / 32]).Sum(items[1]);
  if (threadIdx.x % 32 == 0) warp_sums[blockIdx.x * 4 + threadIdx.x / 32] = warp_sum;
}

struct positive {
  __device__ bool operator()(float x) const { return x > 0; }
};
void device_algorithms(float* in, float* out, unsigned* keys, unsigned* sorted, int* count, int n,
                       cudaStream_t stream) {
  void* storage = nullptr;
  std::size_t bytes = 0;
  cub::DeviceReduce::Sum(storage, bytes, in, out, n, stream);
  cub::DeviceScan::InclusiveSum(storage, bytes, in, out, n, stream);
  cub::DeviceRadixSort::SortPairs(storage, bytes, keys, sorted, in, out, n, 0, 32, stream);
  cub::DeviceSelect::If(storage, bytes, in, out, count, n, positive{}, stream);
}

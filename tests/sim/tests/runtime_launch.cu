// SPDX-License-Identifier: Apache-2.0
// Launches: what a kernel receives, what a configuration may be, what is known about a kernel.
#include <string>
#include <vector>

#include "runtime_support.cuh"

namespace {

struct pair {
  float scale;
  int offset;
};

__global__ void scale_and_shift(const float* x, float* y, int n, pair p) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i] * p.scale + static_cast<float>(p.offset);
}

__global__ void __launch_bounds__(128) write_dimensions(unsigned* out) {
  if (threadIdx.x + threadIdx.y + threadIdx.z + blockIdx.x + blockIdx.y + blockIdx.z != 0) return;
  out[0] = gridDim.x, out[1] = gridDim.y, out[2] = gridDim.z;
  out[3] = blockDim.x, out[4] = blockDim.y, out[5] = blockDim.z;
}

__global__ void reverse(int* data) {
  extern __shared__ int tile[];
  tile[threadIdx.x] = data[threadIdx.x];
  __syncthreads();
  data[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

__global__ void uses_static_shared(int* data) {
  __shared__ int tile[256];
  tile[threadIdx.x] = data[threadIdx.x];
  __syncthreads();
  data[threadIdx.x] = tile[255 - threadIdx.x];
}

using support::device_array;
using support::failed_with;
using support::stream;

}  // namespace

TEST_CASE("a launch passes scalars, pointers and structs") {
  const int n = 1000;
  std::vector<float> x(n);
  for (int i = 0; i < n; ++i) x[i] = static_cast<float>(i);
  const device_array<float> in(x), out(n);
  scale_and_shift<<<(n + 127) / 128, 128>>>(in.data, out.data, n, pair{0.5f, 3});
  OK(cudaGetLastError());
  const auto y = out.host();
  for (int i = 0; i < n; ++i) REQUIRE(y[i] == 0.5f * static_cast<float>(i) + 3.0f);
}

TEST_CASE("a kernel sees the grid and the block of its launch") {
  const device_array<unsigned> out(6);
  write_dimensions<<<dim3(3, 2, 4), dim3(8, 4, 2)>>>(out.data);
  CHECK(out.host() == std::vector<unsigned>{3, 2, 4, 8, 4, 2});
}

TEST_CASE("cudaLaunchKernel and cudaLaunchKernelExC launch what <<<>>> launches") {
  std::vector<int> values(64);
  for (int i = 0; i < 64; ++i) values[i] = i;
  const device_array<int> data(values);
  int* pointer = data.data;
  void* arguments[] = {&pointer};
  OK(cudaLaunchKernel(reinterpret_cast<const void*>(reverse), dim3(1), dim3(64), arguments, 256, nullptr));
  CHECK(data.host()[0] == 63);
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(1);
  how.blockDim = dim3(64);
  how.dynamicSmemBytes = 256;
  OK(cudaLaunchKernelExC(&how, reinterpret_cast<const void*>(reverse), arguments));
  CHECK(data.host()[0] == 0);
  OK(cudaLaunchKernelEx(&how, reverse, data.data));
  CHECK(data.host()[0] == 63);
}

TEST_CASE("arguments are copied when the launch is made") {
  const device_array<unsigned> first(6), second(6);
  unsigned* pointer = first.data;
  void* arguments[] = {&pointer};
  const stream queue;
  OK(cudaMemset(second.data, 0, 24));
  OK(cudaDeviceSynchronize());
  OK(cudaLaunchKernel(reinterpret_cast<const void*>(write_dimensions), dim3(5), dim3(32), arguments, 0, queue));
  pointer = second.data;
  queue.wait();
  CHECK(first.host()[0] == 5);
  CHECK(second.host()[0] == 0);
}

TEST_CASE("a configuration beyond the limits is refused and does nothing") {
  const device_array<int> data(std::vector<int>(64, 7));
  const auto refused = [&](dim3 grid, dim3 block, std::size_t shared, cudaError_t expected) {
    reverse<<<grid, block, shared>>>(data.data);
    CHECK(cudaGetLastError() == expected);
    CHECK(cudaGetLastError() == cudaSuccess);
  };
  refused(dim3(0), dim3(32), 0, cudaErrorInvalidConfiguration);
  refused(dim3(1, 65536), dim3(32), 0, cudaErrorInvalidConfiguration);
  refused(dim3(1, 1, 65536), dim3(32), 0, cudaErrorInvalidConfiguration);
  refused(dim3(1), dim3(0), 0, cudaErrorInvalidConfiguration);
  refused(dim3(1), dim3(1025), 0, cudaErrorInvalidConfiguration);
  refused(dim3(1), dim3(1, 1, 65), 0, cudaErrorInvalidConfiguration);
  refused(dim3(1), dim3(1024, 2), 0, cudaErrorInvalidConfiguration);
  refused(dim3(1), dim3(32), 300000, cudaErrorInvalidValue);
  CHECK(data.host() == std::vector<int>(64, 7));
  reverse<<<1, 64, 256>>>(data.data);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

TEST_CASE("a block above the kernel's launch bounds is refused") {
  const device_array<unsigned> out(6);
  write_dimensions<<<1, 256>>>(out.data);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  write_dimensions<<<1, 128>>>(out.data);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(out.host()[3] == 128);
}

TEST_CASE("dynamic shared memory above 48 KiB must be asked for") {
  const device_array<int> data(std::vector<int>(64, 1));
  reverse<<<1, 64, 100 * 1024>>>(data.data);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  OK(cudaFuncSetAttribute(reverse, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 * 1024));
  reverse<<<1, 64, 100 * 1024>>>(data.data);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
  CHECK(cudaFuncSetAttribute(reverse, cudaFuncAttributeMaxDynamicSharedMemorySize, 1 << 20) == cudaErrorInvalidValue);
  CHECK(failed_with(
      cudaFuncSetAttribute(uses_static_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 - 1023),
      cudaErrorInvalidValue));
}

TEST_CASE("a pointer that is no kernel is refused") {
  static const int not_a_kernel = 0;
  CHECK(cudaLaunchKernel(&not_a_kernel, dim3(1), dim3(1), nullptr, 0, nullptr) == cudaErrorInvalidDeviceFunction);
  cudaFuncAttributes attributes;
  CHECK(failed_with(cudaFuncGetAttributes(&attributes, &not_a_kernel), cudaErrorInvalidDeviceFunction));
  CHECK(cudaPeekAtLastError() == cudaSuccess);
}

TEST_CASE("attributes of a kernel come from its compiled code") {
  cudaFuncAttributes attributes;
  OK(cudaFuncGetAttributes(&attributes, uses_static_shared));
  CHECK(attributes.sharedSizeBytes == 1024);
  CHECK(attributes.numRegs > 0);
  CHECK(attributes.numRegs <= 255);
  CHECK(attributes.localSizeBytes == 0);
  CHECK(attributes.maxThreadsPerBlock == 1024);
  CHECK(attributes.maxDynamicSharedSizeBytes == 48 * 1024 - 1024);
  OK(cudaFuncGetAttributes(&attributes, write_dimensions));
  CHECK(attributes.maxThreadsPerBlock == 128);
  const char* name = nullptr;
  OK(cudaFuncGetName(&name, reinterpret_cast<const void*>(reverse)));
  CHECK(std::string(name).find("reverse") != std::string::npos);
}

TEST_CASE("parameters of a kernel have offsets and sizes") {
  std::size_t offset = 1, bytes = 0;
  const auto* function = reinterpret_cast<const void*>(scale_and_shift);
  OK(cudaFuncGetParamInfo(function, 0, &offset, &bytes));
  CHECK(offset == 0);
  CHECK(bytes == 8);
  OK(cudaFuncGetParamInfo(function, 3, &offset, &bytes));
  CHECK(offset == 20);
  CHECK(bytes == sizeof(pair));
  CHECK(failed_with(cudaFuncGetParamInfo(function, 4, &offset, &bytes), cudaErrorInvalidValue));
}

TEST_CASE("occupancy counts the blocks that fit") {
  int blocks = 0;
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, reverse, 1024, 0));
  CHECK(blocks == 2);  // 2048 threads a multiprocessor
  OK(cudaFuncSetAttribute(reverse, cudaFuncAttributeMaxDynamicSharedMemorySize, 200 * 1024));
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, reverse, 64, 200 * 1024));
  CHECK(blocks == 1);
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&blocks, reverse, 64, 100 * 1024, cudaOccupancyDefault));
  CHECK(blocks == 2);
  int grid = 0, block = 0;
  OK(cudaOccupancyMaxPotentialBlockSize(&grid, &block, write_dimensions));
  CHECK(block == 128);
  CHECK(failed_with(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, reverse, 0, 0), cudaErrorInvalidValue));
}

TEST_CASE("a cooperative launch must fit on the device at once") {
  const device_array<unsigned> out(6);
  int multiprocessors = 0, blocks = 0;
  OK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
  OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, write_dimensions, 128, 0));
  unsigned* pointer = out.data;
  void* arguments[] = {&pointer};
  const auto launch = [&](int grid) {
    return cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(write_dimensions), dim3(grid), dim3(128),
                                       arguments, 0, nullptr);
  };
  CHECK(launch(4) == cudaSuccess);
  CHECK(launch(multiprocessors * blocks + 1) == cudaErrorCooperativeLaunchTooLarge);
  CHECK(cudaGetLastError() == cudaErrorCooperativeLaunchTooLarge);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

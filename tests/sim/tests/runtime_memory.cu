// SPDX-License-Identifier: Apache-2.0
// Memory: allocation, copies, fills, symbols, pools, pointers.
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "runtime_support.cuh"

using support::device_array;
using support::failed_with;
using support::pinned_array;
using support::stream;

namespace {

__device__ int device_table[8] = {1, 2, 3};
__constant__ float constant_scale;

__global__ void read_table(int* out) { out[threadIdx.x] = device_table[threadIdx.x]; }
__global__ void write_table(int value) { device_table[threadIdx.x] = value; }
__global__ void scale(float* data) { data[threadIdx.x] *= constant_scale; }
__global__ void add_one(int* data) { data[threadIdx.x] += 1; }

std::vector<int> iota(int n) {
  std::vector<int> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

}  // namespace

TEST_CASE("copies go to the device, across it and back") {
  const auto values = iota(1000);
  const device_array<int> first(values), second(1000);
  OK(cudaMemcpy(second.data, first.data, 4000, cudaMemcpyDeviceToDevice));
  CHECK(second.host() == values);
  OK(cudaMemset(second.data, 0x11, 2000));
  auto mixed = values;
  for (int i = 0; i < 500; ++i) mixed[i] = 0x11111111;
  CHECK(second.host() == mixed);
  OK(cudaMemcpy(second.data, first.data, 4000, cudaMemcpyDefault));
  CHECK(second.host() == values);
}

TEST_CASE("a copy of rows skips the rest of each pitch") {
  int* rows = nullptr;
  std::size_t pitch = 0;
  OK(cudaMallocPitch(&rows, &pitch, 10 * sizeof(int), 6));
  CHECK(pitch >= 40);
  CHECK(pitch % 32 == 0);
  const auto values = iota(60);
  OK(cudaMemset2D(rows, pitch, 0xff, 40, 6));
  OK(cudaMemcpy2D(rows, pitch, values.data(), 40, 40, 5, cudaMemcpyHostToDevice));
  std::vector<int> back(60);
  OK(cudaMemcpy2D(back.data(), 40, rows, pitch, 40, 6, cudaMemcpyDeviceToHost));
  for (int i = 0; i < 60; ++i) CHECK(back[i] == (i < 50 ? i : -1));
  CHECK(failed_with(cudaMemcpy2D(rows, 32, values.data(), 40, 40, 5, cudaMemcpyHostToDevice),
                    cudaErrorInvalidPitchValue));
  OK(cudaFree(rows));
}

TEST_CASE("nothing is copied beyond an allocation") {
  const device_array<int> data(100);
  std::vector<int> host(200);
  CHECK(failed_with(cudaMemcpy(data.data, host.data(), 404, cudaMemcpyHostToDevice), cudaErrorInvalidValue));
  CHECK(failed_with(cudaMemcpy(host.data(), data.data + 50, 204, cudaMemcpyDeviceToHost), cudaErrorInvalidValue));
  CHECK(failed_with(cudaMemset(data.data + 99, 0, 5), cudaErrorInvalidValue));
  CHECK(failed_with(cudaMemcpy(data.data, host.data(), 4, static_cast<cudaMemcpyKind>(7)),
                    cudaErrorInvalidMemcpyDirection));
}

TEST_CASE("memory is freed once") {
  int* pointer = nullptr;
  OK(cudaMalloc(&pointer, 400));
  OK(cudaFree(nullptr));
  OK(cudaFree(pointer));
  CHECK(failed_with(cudaFree(pointer), cudaErrorInvalidValue));
  int on_host = 0;
  CHECK(failed_with(cudaFree(&on_host), cudaErrorInvalidValue));
}

TEST_CASE("an allocation of more than the device has fails and gives nothing") {
  std::size_t free = 0, total = 0;
  OK(cudaMemGetInfo(&free, &total));
  CHECK(free <= total);
  void* pointer = &free;
  CHECK(failed_with(cudaMalloc(&pointer, total * 2), cudaErrorMemoryAllocation));
  CHECK(pointer == nullptr);
  OK(cudaMalloc(&pointer, 0));
  CHECK(pointer == nullptr);
}

TEST_CASE("kernels read and write pinned and managed memory") {
  const pinned_array<int> pinned(32);
  int* managed = nullptr;
  OK(cudaMallocManaged(&managed, 128));
  for (int i = 0; i < 32; ++i) pinned[i] = managed[i] = i;
  add_one<<<1, 32>>>(pinned.data);
  add_one<<<1, 32>>>(managed);
  OK(cudaDeviceSynchronize());
  for (int i = 0; i < 32; ++i) {
    CHECK(pinned[i] == i + 1);
    CHECK(managed[i] == i + 1);
  }
  OK(cudaFree(managed));
}

TEST_CASE("ordinary host memory can be pinned where it is") {
  std::vector<int> values(4096);
  OK(cudaHostRegister(values.data(), values.size() * 4, cudaHostRegisterDefault));
  CHECK(failed_with(cudaHostRegister(values.data(), 4, cudaHostRegisterDefault), cudaErrorHostMemoryAlreadyRegistered));
  int* on_device = nullptr;
  OK(cudaHostGetDevicePointer(&on_device, values.data(), 0));
  add_one<<<1, 32>>>(on_device);
  OK(cudaDeviceSynchronize());
  CHECK(values[31] == 1);
  CHECK(values[32] == 0);
  OK(cudaHostUnregister(values.data()));
  CHECK(failed_with(cudaHostUnregister(values.data()), cudaErrorHostMemoryNotRegistered));
}

TEST_CASE("a pointer tells what memory it points to") {
  const device_array<int> device(4);
  const pinned_array<int> pinned(4);
  int ordinary = 0;
  int* managed = nullptr;
  OK(cudaMallocManaged(&managed, 16));
  cudaPointerAttributes found{};
  OK(cudaPointerGetAttributes(&found, device.data + 1));
  CHECK(found.type == cudaMemoryTypeDevice);
  CHECK(found.devicePointer == device.data + 1);
  OK(cudaPointerGetAttributes(&found, pinned.data));
  CHECK(found.type == cudaMemoryTypeHost);
  CHECK(found.hostPointer == pinned.data);
  OK(cudaPointerGetAttributes(&found, managed));
  CHECK(found.type == cudaMemoryTypeManaged);
  OK(cudaPointerGetAttributes(&found, &ordinary));
  CHECK(found.type == cudaMemoryTypeUnregistered);
  OK(cudaFree(managed));
}

TEST_CASE("variables of the program are read and written by name") {
  std::vector<int> table(8);
  OK(cudaMemcpyFromSymbol(table.data(), device_table, 32));
  CHECK(table == std::vector<int>{1, 2, 3, 0, 0, 0, 0, 0});
  const int seven = 7;
  OK(cudaMemcpyToSymbol(device_table, &seven, 4, 8));
  const device_array<int> out(8);
  read_table<<<1, 8>>>(out.data);
  CHECK(out.host() == std::vector<int>{1, 2, 7, 0, 0, 0, 0, 0});
  write_table<<<1, 8>>>(9);
  OK(cudaMemcpyFromSymbol(table.data(), device_table, 32));
  CHECK(table == std::vector<int>(8, 9));
  std::size_t bytes = 0;
  OK(cudaGetSymbolSize(&bytes, device_table));
  CHECK(bytes == 32);
  void* address = nullptr;
  OK(cudaGetSymbolAddress(&address, device_table));
  OK(cudaMemcpy(table.data(), address, 32, cudaMemcpyDeviceToHost));
  CHECK(table[0] == 9);
  const float half = 0.5f;
  OK(cudaMemcpyToSymbol(constant_scale, &half, sizeof half));
  const device_array<float> data(std::vector<float>(8, 3.0f));
  scale<<<1, 8>>>(data.data);
  CHECK(data.host()[7] == 1.5f);
  CHECK(failed_with(cudaMemcpyToSymbol(device_table, &seven, 4, 30), cudaErrorInvalidValue));
  static int not_a_symbol = 0;
  CHECK(failed_with(
      cudaMemcpyToSymbol(reinterpret_cast<const void*>(&not_a_symbol), &seven, 4, 0, cudaMemcpyHostToDevice),
      cudaErrorInvalidSymbol));
}

TEST_CASE("stream-ordered memory lives from its allocation to its free in the stream") {
  const stream queue;
  int* data = nullptr;
  OK(cudaMallocAsync(&data, 128, queue));
  OK(cudaMemsetAsync(data, 0, 128, queue));
  add_one<<<1, 32, 0, queue>>>(data);
  std::vector<int> back(32);
  OK(cudaMemcpyAsync(back.data(), data, 128, cudaMemcpyDeviceToHost, queue));
  OK(cudaFreeAsync(data, queue));
  queue.wait();
  CHECK(back == std::vector<int>(32, 1));
}

TEST_CASE("pools count what they use") {
  cudaMemPool_t pool = nullptr;
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  OK(cudaMemPoolCreate(&pool, &properties));
  std::uint64_t threshold = 1 << 20, read = 0, used = 1;
  OK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold));
  OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &read));
  CHECK(read == threshold);
  const stream queue;
  void* data = nullptr;
  OK(cudaMallocFromPoolAsync(&data, 1 << 16, pool, queue));
  queue.wait();
  OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used));
  CHECK(used >= 1 << 16);
  OK(cudaFreeAsync(data, queue));
  queue.wait();
  OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used));
  CHECK(used == 0);
  OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &used));
  CHECK(used >= 1 << 16);
  OK(cudaMemPoolTrimTo(pool, 0));
  OK(cudaMemPoolDestroy(pool));
  cudaMemPool_t standard = nullptr, current = nullptr;
  OK(cudaDeviceGetDefaultMemPool(&standard, 0));
  OK(cudaDeviceGetMemPool(&current, 0));
  CHECK(standard == current);
}

TEST_CASE("a box of a volume is copied and filled") {
  // 4 slices of 5 rows of 6 ints; the box is 2 slices of 3 rows of 4 ints, from (1, 1, 1).
  const device_array<int> data(iota(120));
  std::vector<int> box(24);
  cudaMemcpy3DParms copy{};
  copy.srcPtr = make_cudaPitchedPtr(data.data, 24, 6, 5);
  copy.srcPos = make_cudaPos(4, 1, 1);
  copy.dstPtr = make_cudaPitchedPtr(box.data(), 16, 4, 3);
  copy.extent = make_cudaExtent(16, 3, 2);
  copy.kind = cudaMemcpyDeviceToHost;
  OK(cudaMemcpy3D(&copy));
  for (int z = 0; z < 2; ++z)
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < 4; ++x) CHECK(box[(z * 3 + y) * 4 + x] == ((z + 1) * 5 + y + 1) * 6 + x + 1);
  OK(cudaMemset3D(make_cudaPitchedPtr(data.data, 24, 6, 5), 0, make_cudaExtent(8, 1, 4)));
  const auto after = data.host();
  for (int i = 0; i < 120; ++i) CHECK(after[i] == (i % 30 < 2 ? 0 : i));
}

// SPDX-License-Identifier: Apache-2.0
// What a benchmark program on a GPU says of it, and of what it was built with.
#pragma once
#include <benchmark/benchmark.h>
#include <cuda_runtime_api.h>

#include <fuse/exec/cuda_executor.hpp>
#include <string>

namespace bench {

/// Adds the device, the driver's version of CUDA and the toolkit's to what Google Benchmark writes.
inline void tell_device() {
  const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
  cudaDeviceProp properties{};
  int driver = 0;
  fuse::cuda::check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  fuse::cuda::check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  benchmark::AddCustomContext("executor", "cuda");
  benchmark::AddCustomContext("device", properties.name);
  benchmark::AddCustomContext("driver_cuda", version(driver));
  benchmark::AddCustomContext("toolkit", version(CUDART_VERSION));
}

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0
#include "occupancy.hpp"

// cuda_occupancy.h is host code without a driver; it wants std::initializer_list known.
#include <initializer_list>

#include <cuda_occupancy.h>

#include <algorithm>

#include "context.hpp"

namespace sim::runtime {
namespace {

cudaOccDeviceProp occupancy_device() {
  cudaOccDeviceProp device{};
  device.computeMajor = model.major;
  device.computeMinor = model.minor;
  device.maxThreadsPerBlock = model.threads_per_block;
  device.maxThreadsPerMultiprocessor = model.threads_per_multiprocessor;
  device.regsPerBlock = device.regsPerMultiprocessor = model.registers_per_multiprocessor;
  device.warpSize = 32;
  device.sharedMemPerBlock = model.shared_per_block;
  device.sharedMemPerMultiprocessor = model.shared_per_multiprocessor;
  device.numSms = model.multiprocessors;
  device.sharedMemPerBlockOptin = model.shared_per_block_optin;
  device.reservedSharedMemPerBlock = model.shared_reserved_per_block;
  return device;
}

cudaOccFuncAttributes occupancy_kernel(const kernel_state& kernel) {
  cudaOccFuncAttributes attributes{};
  attributes.maxThreadsPerBlock = kernel.resources.max_threads;
  attributes.numRegs = kernel.resources.registers;
  attributes.sharedSizeBytes = static_cast<std::size_t>(kernel.resources.static_shared_bytes);
  attributes.partitionedGCConfig = PARTITIONED_GC_OFF;
  attributes.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  attributes.maxDynamicSharedSizeBytes = max_dynamic_shared(kernel);
  return attributes;
}

}  // namespace

std::size_t max_dynamic_shared(const kernel_state& kernel) {
  if (kernel.max_dynamic_shared >= 0) return static_cast<std::size_t>(kernel.max_dynamic_shared);
  const auto used = static_cast<std::size_t>(kernel.resources.static_shared_bytes);
  return model.shared_per_block > used ? model.shared_per_block - used : 0;
}

int blocks_per_multiprocessor(const kernel_state& kernel, int threads, std::size_t dynamic_shared_bytes) {
  require(threads > 0 && threads <= model.threads_per_block, cudaErrorInvalidValue,
          "the block size must lie in 1 to 1024");
  const cudaOccDeviceProp device = occupancy_device();
  const cudaOccFuncAttributes attributes = occupancy_kernel(kernel);
  const cudaOccDeviceState state{};
  cudaOccResult result{};
  const auto status =
      cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &attributes, &state, threads, dynamic_shared_bytes);
  if (status == CUDA_OCC_ERROR_UNKNOWN_DEVICE)
    throw refusal(cudaErrorUnknown, "cuda_occupancy.h does not know the simulated device");
  return status == CUDA_OCC_SUCCESS ? result.activeBlocksPerMultiprocessor : 0;
}

bool registers_fit(const kernel_state& kernel, std::size_t threads) {
  constexpr std::size_t registers_per_warp_unit = 256, warps_per_allocation = 4;
  const std::size_t a_warp = (static_cast<std::size_t>(kernel.resources.registers) * 32 + registers_per_warp_unit - 1) /
                             registers_per_warp_unit * registers_per_warp_unit;
  const std::size_t warps = (threads + 31) / 32;
  const std::size_t allocated = (warps + warps_per_allocation - 1) / warps_per_allocation * warps_per_allocation;
  return allocated * a_warp <= static_cast<std::size_t>(model.registers_per_multiprocessor);
}

}  // namespace sim::runtime

using namespace sim::runtime;

extern "C" {

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                          std::size_t dynamic_shared_bytes) {
  return entry(__func__, {}, [&](lock_type&) {
    *blocks = blocks_per_multiprocessor(the().programs.kernel_of(function), threads, dynamic_shared_bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* function, int threads,
                                                                   std::size_t dynamic_shared_bytes, unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    require(flags == cudaOccupancyDefault || flags == cudaOccupancyDisableCachingOverride, cudaErrorInvalidValue,
            "flags must be cudaOccupancyDefault or cudaOccupancyDisableCachingOverride");
    *blocks = blocks_per_multiprocessor(the().programs.kernel_of(function), threads, dynamic_shared_bytes);
    return cudaSuccess;
  });
}

// The most dynamic shared memory with which `blocks` blocks of `threads` threads still fit on a multiprocessor.
cudaError_t cudaOccupancyAvailableDynamicSMemPerBlock(std::size_t* bytes, const void* function, int blocks,
                                                      int threads) {
  return entry(__func__, {}, [&](lock_type&) {
    const kernel_state& kernel = the().programs.kernel_of(function);
    require(blocks > 0 && blocks_per_multiprocessor(kernel, threads, 0) >= blocks, cudaErrorInvalidValue,
            "so many blocks do not fit even without dynamic shared memory");
    std::size_t fits = 0, too_much = model.shared_per_block_optin + 1;
    while (too_much - fits > 1) {
      const std::size_t middle = fits + (too_much - fits) / 2;
      (blocks_per_multiprocessor(kernel, threads, middle) >= blocks ? fits : too_much) = middle;
    }
    *bytes = fits;
    return cudaSuccess;
  });
}

}  // extern "C"

// SPDX-License-Identifier: Apache-2.0
// Where executors take device memory from.
#pragma once
#include <fuse/exec/cuda_call.hpp>
#include <memory>
#include <mutex>
#include <vector>

namespace fuse::cuda {

/// A pool of fuse's own that keeps what is freed. The device's default pool gives it back to the system at every
/// synchronisation, which makes the next allocation slow; to change that would change it for the whole program. All
/// executors of a device share one; it goes with the last of them, once all of its memory has been freed. Memory of it
/// is accessible as that of the default pool is. A pool that the program has given the device with cudaDeviceSetMemPool
/// is used instead, as it is.
class memory_pool {
 public:
  static std::shared_ptr<memory_pool> of(int device) {
    const relaxed_capture no_stream_is_concerned;
    cudaMemPool_t chosen = nullptr, standard = nullptr;
    check(cudaDeviceGetMemPool(&chosen, device), "cudaDeviceGetMemPool");
    check(cudaDeviceGetDefaultMemPool(&standard, device), "cudaDeviceGetDefaultMemPool");
    if (chosen != standard) return std::make_shared<memory_pool>(chosen, false);
    static std::mutex mutex;
    static std::vector<std::weak_ptr<memory_pool>> all;
    const std::scoped_lock lock(mutex);
    const auto number = static_cast<std::size_t>(device);
    if (all.size() <= number) all.resize(number + 1);
    std::shared_ptr<memory_pool> pool = all[number].lock();
    if (!pool) all[number] = pool = make(device);
    return pool;
  }
  memory_pool(cudaMemPool_t pool, bool owned) : pool_(pool), owned_(owned) {}
  ~memory_pool() {
    if (!owned_) return;
    const relaxed_capture no_stream_is_concerned;
    cudaMemPoolDestroy(pool_);
  }
  memory_pool(const memory_pool&) = delete;
  memory_pool& operator=(const memory_pool&) = delete;

  /// In stream order, as is cudaFreeAsync, which gives it back.
  void* allocate(std::size_t bytes, cudaStream_t stream) const {
    void* p = nullptr;
    check(cudaMallocFromPoolAsync(&p, bytes > 0 ? bytes : 1, pool_, stream), "cudaMallocFromPoolAsync");
    return p;
  }

 private:
  static std::shared_ptr<memory_pool> make(int device) {
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = device;
    cudaMemPool_t made = nullptr;
    check(cudaMemPoolCreate(&made, &properties), "cudaMemPoolCreate");
    auto pool = std::make_shared<memory_pool>(made, true);
    unsigned long long everything = ~0ull;
    check(cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &everything), "cudaMemPoolSetAttribute");
    return pool;
  }

  cudaMemPool_t pool_;
  bool owned_;
};

}  // namespace fuse::cuda

// SPDX-License-Identifier: Apache-2.0
// Where executors take device memory from. Part of fuse.hpp: it goes without <memory> and <mutex>, for which nvcc takes
// as long as for the rest of it.
#pragma once
#include <pthread.h>

#include <fuse/exec/cuda_call.hpp>
#include <utility>

namespace fuse::cuda {

/// The pool that fuse has made for a device, and how many executors use it.
struct device_pool {
  cudaMemPool_t pool = nullptr;
  int users = 0;
};
inline constexpr int most_devices = 64;
inline device_pool device_pools[most_devices];
inline pthread_mutex_t device_pools_mutex = PTHREAD_MUTEX_INITIALIZER;

/// An executor's part in a pool of fuse's own that keeps what is freed. The device's default pool gives it back to the
/// system at every synchronisation, which makes the next allocation slow; to change that would change it for the whole
/// program. All executors of a device share one; it goes with the last of them, once all of its memory has been freed.
/// Memory of it is accessible as that of the default pool is. A pool that the program has given the device with
/// cudaDeviceSetMemPool is used instead, as it is.
class memory_pool {
 public:
  memory_pool() = default;
  memory_pool(memory_pool&& o) noexcept
      : pool_(std::exchange(o.pool_, nullptr)), shared_of_(std::exchange(o.shared_of_, -1)) {}
  ~memory_pool() {
    if (shared_of_ < 0) return;
    const relaxed_capture no_stream_is_concerned;
    const lock here;
    device_pool& of = device_pools[shared_of_];
    if (--of.users > 0) return;
    cudaMemPoolDestroy(of.pool);
    of.pool = nullptr;
  }
  memory_pool& operator=(memory_pool&&) = delete;

  /// Memory of this device, always the same one, in stream order as is cudaFreeAsync, which gives it back.
  void* allocate(int device, std::size_t bytes, cudaStream_t stream) {
    if (!pool_) find(device);
    void* p = nullptr;
    check(cudaMallocFromPoolAsync(&p, bytes > 0 ? bytes : 1, pool_, stream), "cudaMallocFromPoolAsync");
    return p;
  }

 private:
  struct lock {
    lock() { pthread_mutex_lock(&device_pools_mutex); }
    ~lock() { pthread_mutex_unlock(&device_pools_mutex); }
    lock(const lock&) = delete;
    lock& operator=(const lock&) = delete;
  };

  void find(int device) {
    const relaxed_capture no_stream_is_concerned;
    cudaMemPool_t chosen = nullptr, standard = nullptr;
    check(cudaDeviceGetMemPool(&chosen, device), "cudaDeviceGetMemPool");
    check(cudaDeviceGetDefaultMemPool(&standard, device), "cudaDeviceGetDefaultMemPool");
    if (chosen != standard || device >= most_devices) {
      pool_ = chosen;
      return;
    }
    const lock here;
    device_pool& of = device_pools[device];
    if (of.users == 0) of.pool = make(device);
    ++of.users;
    pool_ = of.pool, shared_of_ = device;
  }
  static cudaMemPool_t make(int device) {
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = device;
    cudaMemPool_t made = nullptr;
    check(cudaMemPoolCreate(&made, &properties), "cudaMemPoolCreate");
    unsigned long long everything = ~0ull;
    const cudaError_t e = cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &everything);
    if (e != cudaSuccess) cudaMemPoolDestroy(made);
    check(e, "cudaMemPoolSetAttribute");
    return made;
  }

  cudaMemPool_t pool_ = nullptr;  // once something has been allocated
  int shared_of_ = -1;            // the device whose device_pool it is, if it is one
};

}  // namespace fuse::cuda

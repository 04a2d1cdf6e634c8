// SPDX-License-Identifier: Apache-2.0
// Entry points that a simulated device checks but has nothing to do for: profiling, residency, access of pools.
#include <cuda_profiler_api.h>

#include "context.hpp"
#include "pool.hpp"

using namespace sim::runtime;

extern "C" {

cudaError_t cudaProfilerStart() {
  return entry(__func__, {}, [&](lock_type&) { return cudaSuccess; });
}

cudaError_t cudaProfilerStop() {
  return entry(__func__, {}, [&](lock_type&) { return cudaSuccess; });
}

cudaError_t cudaStreamCopyAttributes(cudaStream_t destination, cudaStream_t source) {
  return entry(__func__, {}, [&](lock_type&) {
    const stream_state& from = the().streams.of(source);
    stream_state& to = the().streams.of(destination);
    to.access_policy = from.access_policy;
    to.synchronization_policy = from.synchronization_policy;
    to.domain = from.domain;
    to.domain_map = from.domain_map;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamAttachMemAsync(cudaStream_t stream, void* pointer, std::size_t bytes, unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    the().streams.of(stream);
    require(flags == cudaMemAttachGlobal || flags == cudaMemAttachHost || flags == cudaMemAttachSingle,
            cudaErrorInvalidValue, "flags must be cudaMemAttachGlobal, Host or Single");
    require(locate(pointer, bytes, "the range") == place::managed, cudaErrorInvalidValue,
            "the range is not managed memory");
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAccess(cudaMemPool_t pool, const cudaMemAccessDesc* wanted, std::size_t count) {
  return entry(__func__, {}, [&](lock_type&) {
    the().pools->of(pool);
    for (std::size_t i = 0; i < count; ++i)
      require(wanted[i].location.type == cudaMemLocationTypeDevice && wanted[i].location.id == 0 &&
                  wanted[i].flags == cudaMemAccessFlagsProtReadWrite,
              cudaErrorInvalidDevice, "the only device is 0, and it always has full access to its pools");
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolGetAccess(cudaMemAccessFlags* flags, cudaMemPool_t pool, cudaMemLocation* location) {
  return entry(__func__, {}, [&](lock_type&) {
    the().pools->of(pool);
    require(location->type == cudaMemLocationTypeDevice && location->id == 0, cudaErrorInvalidDevice,
            "the only device is 0");
    *flags = cudaMemAccessFlagsProtReadWrite;
    return cudaSuccess;
  });
}

// Memory of graphs is counted with their allocations, and goes with them: nothing is kept that could be trimmed.
cudaError_t cudaDeviceGraphMemTrim(int device) {
  return entry(__func__, {}, [&](lock_type&) {
    require(device == 0, cudaErrorInvalidDevice, "the only device is 0");
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetGraphMemAttribute(int device, cudaGraphMemAttributeType, void* value) {
  return entry(__func__, {}, [&](lock_type&) {
    require(device == 0, cudaErrorInvalidDevice, "the only device is 0");
    std::uint64_t bytes = 0;
    for (const auto& [address, found] : the().blocks.live())
      if (found.kind == block_kind::graph) bytes += found.bytes;
    *static_cast<std::uint64_t*>(value) = bytes;
    return cudaSuccess;
  });
}

}  // extern "C"

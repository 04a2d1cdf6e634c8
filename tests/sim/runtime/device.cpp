// SPDX-License-Identifier: Apache-2.0
// Entry points about the device: its properties, its attributes, waiting for it, and its end.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "context.hpp"
#include "graph.hpp"
#include "pool.hpp"

using namespace sim::runtime;

namespace {

constexpr int texture_1d = 131072, texture_2d = 131072, texture_3d = 16384;  // limits that nothing here uses
constexpr std::size_t constant_bytes = 64 * 1024;

void check_device_number(int device) { require(device == 0, cudaErrorInvalidDevice, "the only device is 0"); }

cudaDeviceProp properties() {
  cudaDeviceProp p{};
  std::snprintf(p.name, sizeof p.name, "%s", model.name);
  std::memcpy(p.uuid.bytes, "fuse simulated", 14);
  p.totalGlobalMem = the().device_memory.capacity();
  p.sharedMemPerBlock = model.shared_per_block;
  p.regsPerBlock = p.regsPerMultiprocessor = model.registers_per_multiprocessor;
  p.warpSize = 32;
  p.memPitch = 0x7fffffff;
  p.maxThreadsPerBlock = model.threads_per_block;
  p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024, p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7fffffff, p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.totalConstMem = constant_bytes;
  p.major = model.major, p.minor = model.minor;
  p.textureAlignment = 512, p.texturePitchAlignment = 32;
  p.multiProcessorCount = model.multiprocessors;
  p.canMapHostMemory = 1;
  p.maxTexture1D = texture_1d;
  p.maxTexture2D[0] = p.maxTexture2D[1] = texture_2d;
  p.maxTexture3D[0] = p.maxTexture3D[1] = p.maxTexture3D[2] = texture_3d;
  p.surfaceAlignment = 512;
  p.concurrentKernels = 1;
  p.ECCEnabled = 1;
  p.pciBusID = 1;
  p.asyncEngineCount = 3;
  p.unifiedAddressing = 1;
  p.memoryBusWidth = model.memory_bus_bits;
  p.l2CacheSize = model.l2_bytes;
  p.persistingL2CacheMaxSize = model.l2_bytes / 8 * 5;
  p.maxThreadsPerMultiProcessor = model.threads_per_multiprocessor;
  p.streamPrioritiesSupported = 1;
  p.globalL1CacheSupported = p.localL1CacheSupported = 1;
  p.sharedMemPerMultiprocessor = model.shared_per_multiprocessor;
  p.managedMemory = p.concurrentManagedAccess = 1;
  p.computePreemptionSupported = 1;
  p.canUseHostPointerForRegisteredMem = 1;
  p.cooperativeLaunch = 1;
  p.sharedMemPerBlockOptin = model.shared_per_block_optin;
  p.maxBlocksPerMultiProcessor = model.blocks_per_multiprocessor;
  p.accessPolicyMaxWindowSize = 128 * 1024 * 1024;
  p.reservedSharedMemPerBlock = model.shared_reserved_per_block;
  p.hostRegisterSupported = 1;
  p.memoryPoolsSupported = 1;
  p.deviceNumaId = p.hostNumaId = -1;
  return p;
}

int attribute_of(cudaDeviceAttr attribute) {
  const cudaDeviceProp p = properties();
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      return p.maxThreadsPerBlock;
    case cudaDevAttrMaxBlockDimX:
      return p.maxThreadsDim[0];
    case cudaDevAttrMaxBlockDimY:
      return p.maxThreadsDim[1];
    case cudaDevAttrMaxBlockDimZ:
      return p.maxThreadsDim[2];
    case cudaDevAttrMaxGridDimX:
      return p.maxGridSize[0];
    case cudaDevAttrMaxGridDimY:
      return p.maxGridSize[1];
    case cudaDevAttrMaxGridDimZ:
      return p.maxGridSize[2];
    case cudaDevAttrMaxSharedMemoryPerBlock:
      return int(p.sharedMemPerBlock);
    case cudaDevAttrTotalConstantMemory:
      return int(p.totalConstMem);
    case cudaDevAttrWarpSize:
      return p.warpSize;
    case cudaDevAttrMaxPitch:
      return int(p.memPitch);
    case cudaDevAttrMaxRegistersPerBlock:
      return p.regsPerBlock;
    case cudaDevAttrClockRate:
      return model.clock_kilohertz;
    case cudaDevAttrMemoryClockRate:
      return 3201000;
    case cudaDevAttrTextureAlignment:
      return int(p.textureAlignment);
    case cudaDevAttrGpuOverlap:
      return 1;
    case cudaDevAttrMultiProcessorCount:
      return p.multiProcessorCount;
    case cudaDevAttrKernelExecTimeout:
      return 0;
    case cudaDevAttrIntegrated:
      return 0;
    case cudaDevAttrCanMapHostMemory:
      return 1;
    case cudaDevAttrComputeMode:
      return cudaComputeModeDefault;
    case cudaDevAttrConcurrentKernels:
      return 1;
    case cudaDevAttrEccEnabled:
      return 1;
    case cudaDevAttrPciBusId:
      return p.pciBusID;
    case cudaDevAttrPciDeviceId:
    case cudaDevAttrPciDomainId:
    case cudaDevAttrTccDriver:
      return 0;
    case cudaDevAttrGlobalMemoryBusWidth:
      return p.memoryBusWidth;
    case cudaDevAttrL2CacheSize:
      return p.l2CacheSize;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return p.maxThreadsPerMultiProcessor;
    case cudaDevAttrAsyncEngineCount:
      return p.asyncEngineCount;
    case cudaDevAttrUnifiedAddressing:
      return 1;
    case cudaDevAttrComputeCapabilityMajor:
      return p.major;
    case cudaDevAttrComputeCapabilityMinor:
      return p.minor;
    case cudaDevAttrStreamPrioritiesSupported:
      return 1;
    case cudaDevAttrGlobalL1CacheSupported:
    case cudaDevAttrLocalL1CacheSupported:
      return 1;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return int(p.sharedMemPerMultiprocessor);
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      return p.regsPerMultiprocessor;
    case cudaDevAttrManagedMemory:
      return 1;
    case cudaDevAttrIsMultiGpuBoard:
      return 0;
    case cudaDevAttrHostNativeAtomicSupported:
      return 0;
    case cudaDevAttrPageableMemoryAccess:
      return 0;
    case cudaDevAttrConcurrentManagedAccess:
      return 1;
    case cudaDevAttrComputePreemptionSupported:
      return 1;
    case cudaDevAttrCanUseHostPointerForRegisteredMem:
      return 1;
    case cudaDevAttrCooperativeLaunch:
      return 1;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return int(p.sharedMemPerBlockOptin);
    case cudaDevAttrCanFlushRemoteWrites:
      return 0;
    case cudaDevAttrHostRegisterSupported:
      return 1;
    case cudaDevAttrPageableMemoryAccessUsesHostPageTables:
      return 0;
    case cudaDevAttrDirectManagedMemAccessFromHost:
      return 0;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      return p.maxBlocksPerMultiProcessor;
    case cudaDevAttrMaxPersistingL2CacheSize:
      return p.persistingL2CacheMaxSize;
    case cudaDevAttrMaxAccessPolicyWindowSize:
      return p.accessPolicyMaxWindowSize;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      return int(p.reservedSharedMemPerBlock);
    case cudaDevAttrSparseCudaArraySupported:
      return 0;
    case cudaDevAttrMemoryPoolsSupported:
      return 1;
    case cudaDevAttrGPUDirectRDMASupported:
      return 0;
    case cudaDevAttrMemoryPoolSupportedHandleTypes:
      return 0;
    case cudaDevAttrClusterLaunch:
      return 0;
    case cudaDevAttrIpcEventSupport:
      return 0;
    default:
      throw refusal(cudaErrorInvalidValue,
                    "device attribute " + std::to_string(int(attribute)) + " is not simulated; add it to attribute_of");
  }
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  return entry(__func__, {.after_fault = true}, [&](lock_type&) {
    require(count != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *count = 1;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return entry(__func__, {.after_fault = true}, [&](lock_type&) {
    require(device != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *device = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return entry(__func__, {.after_fault = true}, [&](lock_type&) {
    check_device_number(device);
    return cudaSuccess;
  });
}

cudaError_t cudaInitDevice(int device, unsigned, unsigned) {
  return entry(__func__, {}, [&](lock_type&) {
    check_device_number(device);
    return cudaSuccess;
  });
}

cudaError_t cudaSetDeviceFlags(unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    the().device_flags = flags;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceFlags(unsigned* flags) {
  return entry(__func__, {}, [&](lock_type&) {
    *flags = the().device_flags | cudaDeviceMapHost;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* result, int device) {
  return entry(__func__, {}, [&](lock_type&) {
    check_device_number(device);
    require(result != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *result = properties();
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return entry(__func__, {}, [&](lock_type&) {
    check_device_number(device);
    require(value != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *value = attribute_of(attribute);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  return entry(__func__, {}, [&](lock_type&) {
    check_device_number(device);
    require(text != nullptr && length >= 13, cudaErrorInvalidValue, "the text needs 13 characters");
    std::snprintf(text, static_cast<std::size_t>(length), "0000:01:00.0");
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  return entry(__func__, {}, [&](lock_type&) {
    check_device_number(device);
    check_device_number(peer);
    *can = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  return entry(__func__, {.after_fault = true}, [&](lock_type&) {
    *version = CUDART_VERSION;
    return cudaSuccess;
  });
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return entry(__func__, {.after_fault = true}, [&](lock_type&) {
    *version = CUDART_VERSION;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    refuse_implicit_dependency();
    synchronize_all(lock);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetLimit(std::size_t* value, cudaLimit limit) {
  return entry(__func__, {}, [&](lock_type&) {
    switch (limit) {
      case cudaLimitStackSize:
        *value = 1024;
        return cudaSuccess;
      case cudaLimitPrintfFifoSize:
        *value = 8 << 20;
        return cudaSuccess;
      case cudaLimitMallocHeapSize:
        *value = 8 << 20;
        return cudaSuccess;
      default:
        throw refusal(cudaErrorUnsupportedLimit, "this limit is not simulated");
    }
  });
}

cudaError_t cudaDeviceSetLimit(cudaLimit limit, std::size_t) {
  return entry(__func__, {}, [&](lock_type&) {
    require(limit == cudaLimitStackSize || limit == cudaLimitPrintfFifoSize || limit == cudaLimitMallocHeapSize,
            cudaErrorUnsupportedLimit, "this limit is not simulated");
    return cudaSuccess;  // the simulated stack and print buffer grow as needed
  });
}

cudaError_t cudaCtxResetPersistingL2Cache() {
  return entry(__func__, {}, [&](lock_type&) { return cudaSuccess; });
}

// There is no driver beneath this runtime.
cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* status) {
  return entry(__func__, {}, [&](lock_type&) {
    require(symbol != nullptr && function != nullptr, cudaErrorInvalidValue, "the symbol or the result is null");
    *function = nullptr;
    if (status != nullptr) {
      *status = cudaDriverEntryPointSymbolNotFound;
      return cudaSuccess;
    }
    return cudaErrorSymbolNotFound;
  });
}

// Ends all work and frees what device memory there is; handles of streams, events and graphs die with it.
cudaError_t cudaDeviceReset() {
  return entry(__func__, {.unsafe_in_capture = true, .after_fault = true}, [&](lock_type& lock) {
    context& state = the();
    state.queue.finish_all(lock);
    state.history.clear();
    state.streams.clear();
    state.graphs->clear();
    state.pools = std::make_unique<pool_registry>();
    std::vector<block> freed;
    for (const auto& [address, found] : state.blocks.live()) freed.push_back(found);
    for (const block& found : freed) {
      if (found.on_host()) {
        state.device_memory.unmap_host(pointer_to(found.address));
        if (found.kind != block_kind::registered) std::free(pointer_to(found.address));
      } else if (found.kind != block_kind::graph) {
        state.device_memory.free(found.address);
      }
      state.blocks.remove(found.address, "cudaDeviceReset");
    }
    state.sticky = cudaSuccess;
    return cudaSuccess;
  });
}

}  // extern "C"

// SPDX-License-Identifier: Apache-2.0
// Launches: configuration, limits, attributes, and what is known about a kernel.
#include "launch.hpp"

#include <cstring>

#include "context.hpp"
#include "occupancy.hpp"

namespace sim::runtime {
namespace {

std::string in_words(dim3 d) {
  return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + ")";
}

constexpr unsigned grid_x_limit = 0x7fffffff, grid_yz_limit = 65535, block_xy_limit = 1024, block_z_limit = 64;

void check_shape(const std::string& name, dim3 grid, dim3 block) {
  const auto threads = std::uint64_t{block.x} * block.y * block.z;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > grid_x_limit || grid.y > grid_yz_limit ||
      grid.z > grid_yz_limit)
    throw refusal(cudaErrorInvalidConfiguration,
                  name + ": grid " + in_words(grid) + " is empty or above the limit (2147483647, 65535, 65535)");
  if (threads == 0 || threads > std::uint64_t(model.threads_per_block) || block.x > block_xy_limit ||
      block.y > block_xy_limit || block.z > block_z_limit)
    throw refusal(cudaErrorInvalidConfiguration,
                  name + ": block " + in_words(block) + " is empty or above the limit (1024, 1024, 64), 1024 threads");
}

}  // namespace

void check_launch(const kernel_work& launch) {
  const kernel_state& kernel = *launch.kernel;
  check_shape(kernel.readable_name, launch.grid, launch.block);
  const std::size_t threads = std::size_t{launch.block.x} * launch.block.y * launch.block.z;
  if (threads > static_cast<std::size_t>(kernel.resources.max_threads))
    throw refusal(cudaErrorInvalidValue, kernel.readable_name + ": " + std::to_string(threads) +
                                             " threads a block, but its launch bounds allow " +
                                             std::to_string(kernel.resources.max_threads));
  if (!registers_fit(kernel, threads))
    throw refusal(cudaErrorLaunchOutOfResources, kernel.readable_name + ": " + std::to_string(threads) +
                                                     " threads of " + std::to_string(kernel.resources.registers) +
                                                     " registers do not fit on a multiprocessor");
  if (launch.dynamic_shared_bytes > max_dynamic_shared(kernel))
    throw refusal(cudaErrorInvalidValue, kernel.readable_name + ": " + std::to_string(launch.dynamic_shared_bytes) +
                                             " bytes of dynamic shared memory, but " +
                                             std::to_string(max_dynamic_shared(kernel)) +
                                             " are allowed; raise cudaFuncAttributeMaxDynamicSharedMemorySize (up to " +
                                             std::to_string(model.shared_per_block_optin) + " with the static part)");
  if (launch.cluster.x * launch.cluster.y * launch.cluster.z != 1)
    throw refusal(cudaErrorNotSupported,
                  kernel.readable_name + ": clusters of " + in_words(launch.cluster) + " blocks are not simulated");
  if (launch.cooperative) {
    const auto resident =
        std::uint64_t(blocks_per_multiprocessor(kernel, static_cast<int>(threads), launch.dynamic_shared_bytes)) *
        std::uint64_t(model.multiprocessors);
    if (std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z > resident)
      throw refusal(cudaErrorCooperativeLaunchTooLarge, kernel.readable_name + ": grid " + in_words(launch.grid) +
                                                            " exceeds the " + std::to_string(resident) +
                                                            " blocks that are resident together");
  }
}

kernel_work make_launch(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes) {
  kernel_state& kernel = the().programs.kernel_of(function);
  kernel_work launch{
      .kernel = &kernel, .grid = grid, .block = block, .dynamic_shared_bytes = shared_bytes, .parameters = {}};
  check_launch(launch);
  launch.parameters.resize(kernel.code->parameter_bytes);
  const auto& parameters = kernel.code->parameters;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (arguments == nullptr || arguments[i] == nullptr)
      throw refusal(cudaErrorInvalidValue, kernel.readable_name + ": the pointer to argument " + std::to_string(i) +
                                               " of " + std::to_string(parameters.size()) + " is null");
    std::memcpy(launch.parameters.data() + parameters[i].offset, arguments[i], parameters[i].size);
  }
  return launch;
}

void apply_attribute(kernel_work& launch, const cudaLaunchAttribute& attribute) {
  const auto& value = attribute.val;
  switch (attribute.id) {
    case cudaLaunchAttributeIgnore:
    case cudaLaunchAttributeAccessPolicyWindow:
    case cudaLaunchAttributeClusterSchedulingPolicyPreference:
    case cudaLaunchAttributeMemSyncDomain:
    case cudaLaunchAttributeMemSyncDomainMap:
    case cudaLaunchAttributePreferredSharedMemoryCarveout:
    case cudaLaunchAttributeNvlinkUtilCentricScheduling:
      return;  // hints: they change no result
    case cudaLaunchAttributeCooperative:
      launch.cooperative = value.cooperative != 0;
      return;
    case cudaLaunchAttributeProgrammaticStreamSerialization:
      launch.programmatic = value.programmaticStreamSerializationAllowed != 0;
      return;
    case cudaLaunchAttributePriority:
      launch.priority = value.priority;
      return;
    case cudaLaunchAttributeClusterDimension:
    case cudaLaunchAttributePreferredClusterDimension:
      launch.cluster = dim3(value.clusterDim.x, value.clusterDim.y, value.clusterDim.z);
      return;
    default:
      throw refusal(cudaErrorNotSupported, "launch attribute " + std::to_string(int(attribute.id)) +
                                               " is not simulated; add it to apply_attribute");
  }
}

namespace {

struct configuration {
  dim3 grid, block;
  std::size_t shared_bytes;
  cudaStream_t stream;
};

std::vector<configuration>& pushed_configurations() {
  thread_local std::vector<configuration> stack;
  return stack;
}

cudaError_t launch_kernel(lock_type& lock, const void* function, dim3 grid, dim3 block, void** arguments,
                          std::size_t shared_bytes, cudaStream_t stream,
                          const cudaLaunchAttribute* attributes = nullptr, unsigned attribute_count = 0) {
  stream_state& in = the().streams.of(stream);
  kernel_work launch = make_launch(function, grid, block, arguments, shared_bytes);
  launch.priority = in.priority;
  for (unsigned i = 0; i < attribute_count; ++i) apply_attribute(launch, attributes[i]);
  check_launch(launch);
  issue(lock, in, std::move(launch));
  return cudaSuccess;
}

}  // namespace
}  // namespace sim::runtime

using namespace sim::runtime;

extern "C" {

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared_bytes, CUstream_st* stream) {
  pushed_configurations().push_back({grid, block, shared_bytes, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared_bytes, void* stream) {
  auto& stack = pushed_configurations();
  if (stack.empty()) return cudaErrorMissingConfiguration;
  *grid = stack.back().grid;
  *block = stack.back().block;
  *shared_bytes = stack.back().shared_bytes;
  *static_cast<cudaStream_t*>(stream) = stack.back().stream;
  stack.pop_back();
  return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* stub) {
  lock_type lock(the().mutex);
  kernel_state* const found = the().programs.registered(stub);
  // An unknown stub stays as it is, so that the launch tells what is wrong.
  *kernel = found != nullptr ? reinterpret_cast<cudaKernel_t>(found)
                             : reinterpret_cast<cudaKernel_t>(const_cast<void*>(stub));
  return found != nullptr ? cudaSuccess : cudaErrorInvalidDeviceFunction;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                               cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return launch_kernel(lock, kernel, grid, block, arguments, shared_bytes, stream);
  });
}

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                             cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return launch_kernel(lock, function, grid, block, arguments, shared_bytes, stream);
  });
}

cudaError_t cudaLaunchCooperativeKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                                        std::size_t shared_bytes, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    cudaLaunchAttribute cooperative{};
    cooperative.id = cudaLaunchAttributeCooperative;
    cooperative.val.cooperative = 1;
    return launch_kernel(lock, function, grid, block, arguments, shared_bytes, stream, &cooperative, 1);
  });
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* how, const void* function, void** arguments) {
  return entry(__func__, {}, [&](lock_type& lock) {
    require(how != nullptr && (how->numAttrs == 0 || how->attrs != nullptr), cudaErrorInvalidValue,
            "the configuration or its attributes are null");
    return launch_kernel(lock, function, how->gridDim, how->blockDim, arguments, how->dynamicSmemBytes, how->stream,
                         how->attrs, how->numAttrs);
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return entry(__func__, {}, [&](lock_type&) {
    require(attributes != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    const kernel_state& kernel = the().programs.kernel_of(function);
    *attributes = {};
    attributes->sharedSizeBytes = static_cast<std::size_t>(kernel.resources.static_shared_bytes);
    attributes->constSizeBytes = static_cast<std::size_t>(kernel.resources.constant_bytes);
    attributes->localSizeBytes = static_cast<std::size_t>(kernel.resources.local_bytes);
    attributes->maxThreadsPerBlock = kernel.resources.max_threads;
    attributes->numRegs = kernel.resources.registers;
    attributes->ptxVersion = attributes->binaryVersion = model.major * 10 + model.minor;
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(max_dynamic_shared(kernel));
    attributes->preferredShmemCarveout = kernel.shared_carveout;
    attributes->nonPortableClusterSizeAllowed = kernel.non_portable_cluster_allowed;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    kernel_state& kernel = the().programs.kernel_of(function);
    switch (attribute) {
      case cudaFuncAttributeMaxDynamicSharedMemorySize: {
        const int limit = static_cast<int>(model.shared_per_block_optin) - kernel.resources.static_shared_bytes;
        if (value < 0 || value > limit)
          throw refusal(cudaErrorInvalidValue, kernel.readable_name + ": " + std::to_string(value) +
                                                   " bytes of dynamic shared memory; the limit is " +
                                                   std::to_string(limit));
        kernel.max_dynamic_shared = value;
        return cudaSuccess;
      }
      case cudaFuncAttributePreferredSharedMemoryCarveout:
        require(value >= -1 && value <= 100, cudaErrorInvalidValue, "a carveout is -1 or a percentage");
        kernel.shared_carveout = value;
        return cudaSuccess;
      case cudaFuncAttributeNonPortableClusterSizeAllowed:
        kernel.non_portable_cluster_allowed = value != 0;
        return cudaSuccess;
      default:
        throw refusal(cudaErrorInvalidValue, "not an attribute that can be set");
    }
  });
}

cudaError_t cudaFuncSetCacheConfig(const void* function, cudaFuncCache) {
  return entry(__func__, {}, [&](lock_type&) {
    the().programs.kernel_of(function);
    return cudaSuccess;
  });
}

cudaError_t cudaFuncGetName(const char** name, const void* function) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(name != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *name = the().programs.kernel_of(function).name.c_str();
    return cudaSuccess;
  });
}

cudaError_t cudaFuncGetParamInfo(const void* function, std::size_t index, std::size_t* offset, std::size_t* bytes) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    const auto& parameters = the().programs.kernel_of(function).code->parameters;
    if (index >= parameters.size()) throw plain_error{cudaErrorInvalidValue};  // how a caller finds the end of the list
    *offset = parameters[index].offset;
    if (bytes != nullptr) *bytes = parameters[index].size;
    return cudaSuccess;
  });
}

cudaError_t cudaGetFuncBySymbol(cudaFunction_t* function, const void* symbol) {
  return entry(__func__, {}, [&](lock_type&) {
    *function = reinterpret_cast<cudaFunction_t>(&the().programs.kernel_of(symbol));
    return cudaSuccess;
  });
}

cudaError_t cudaGetKernel(cudaKernel_t* kernel, const void* symbol) {
  return entry(__func__, {}, [&](lock_type&) {
    *kernel = reinterpret_cast<cudaKernel_t>(&the().programs.kernel_of(symbol));
    return cudaSuccess;
  });
}

}  // extern "C"

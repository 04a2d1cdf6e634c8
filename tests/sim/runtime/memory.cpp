// SPDX-License-Identifier: Apache-2.0
// Entry points that allocate, free and describe memory.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "context.hpp"
#include "graph.hpp"
#include "pool.hpp"

using namespace sim::runtime;

namespace {

constexpr std::size_t pitch_alignment = 512;
constexpr std::size_t host_page = 4096;

std::uint64_t allocate_device(std::size_t bytes, const char* origin, block_kind kind, pool_state* pool = nullptr) {
  context& state = the();
  std::uint64_t address = 0;
  try {
    address = state.device_memory.allocate(bytes);
  } catch (const sim::memory::out_of_memory& why) {
    throw refusal(cudaErrorMemoryAllocation, why.what());
  }
  state.blocks.add({.address = address, .bytes = bytes, .kind = kind, .origin = origin, .pool = pool});
  return address;
}

// Page-aligned host memory that kernels can reach, filled with a pattern that no program expects.
void* allocate_host(std::size_t bytes, const char* origin, block_kind kind, unsigned flags) {
  const std::size_t rounded = (bytes + host_page - 1) / host_page * host_page;
  void* const pointer = std::aligned_alloc(host_page, rounded);
  if (pointer == nullptr) throw refusal(cudaErrorMemoryAllocation, "the host has no memory left");
  std::memset(pointer, 0xcd, rounded);
  the().device_memory.map_host(pointer, bytes);
  the().blocks.add({.address = address_of(pointer), .bytes = bytes, .kind = kind, .origin = origin, .flags = flags});
  return pointer;
}

void free_host(block& freed, const char* by) {
  void* const pointer = pointer_to(freed.address);
  the().device_memory.unmap_host(pointer);
  the().history.forget({freed.address, freed.address + freed.bytes});
  the().blocks.remove(freed.address, by);
  std::free(pointer);
}

block& freeable(void* pointer, const char* remedy) {
  block* const found = the().blocks.at(address_of(pointer));
  if (found == nullptr) throw refusal(cudaErrorInvalidValue, the().blocks.tell(address_of(pointer)) + "; " + remedy);
  if (found->free_queued)
    throw refusal(cudaErrorInvalidValue,
                  the().blocks.tell(address_of(pointer)) + ", which cudaFreeAsync has already been asked to free");
  return *found;
}

// A free waits for the device, as it does in practice, also for one that has faulted.
void wait_for_everything(lock_type& lock) {
  the().queue.finish_all(lock);
  the().host_clock.join(the().device_clock);
}

void account(pool_state* pool, std::int64_t bytes) {
  if (pool != nullptr) pool->take(bytes);
}

cudaError_t malloc_from(lock_type& lock, const char* origin, void** pointer, std::size_t bytes, cudaMemPool_t handle,
                        cudaStream_t stream) {
  require(pointer != nullptr, cudaErrorInvalidValue, "the result pointer is null");
  stream_state& in = the().streams.of(stream);
  pool_state& pool = the().pools->of(handle);
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (pool.properties.maxSize != 0 && pool.used + bytes > pool.properties.maxSize)
    throw refusal(cudaErrorMemoryAllocation, "the pool's maxSize is reached");
  if (in.capture) {
    const auto address = allocate_device(bytes, origin, block_kind::graph);
    const auto held = std::make_shared<graph_allocation>(address, bytes);
    issue(lock, in, allocate_work{.of_graph = held, .address = address, .bytes = bytes});
    *pointer = pointer_to(address);
    return cudaSuccess;
  }
  if (in.legacy) refuse_implicit_dependency();
  const auto address = allocate_device(bytes, origin, block_kind::pool, &pool);
  account(&pool, static_cast<std::int64_t>(bytes));
  // Bytes written before the allocation's turn in the stream are lost, and reading them afterwards is a fault.
  issue(lock, in, allocate_work{.of_graph = nullptr, .address = address, .bytes = bytes});
  *pointer = pointer_to(address);
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type&) {
    require(pointer != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *pointer = nullptr;
    if (bytes != 0) *pointer = pointer_to(allocate_device(bytes, "cudaMalloc", block_kind::device));
    return cudaSuccess;
  });
}

cudaError_t cudaMallocPitch(void** pointer, std::size_t* pitch, std::size_t width, std::size_t height) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type&) {
    require(pointer != nullptr && pitch != nullptr, cudaErrorInvalidValue, "a result pointer is null");
    *pitch = (width + pitch_alignment - 1) / pitch_alignment * pitch_alignment;
    *pointer = nullptr;
    if (*pitch * height != 0)
      *pointer = pointer_to(allocate_device(*pitch * height, "cudaMallocPitch", block_kind::device));
    return cudaSuccess;
  });
}

cudaError_t cudaFree(void* pointer) {
  return entry(__func__, {.unsafe_in_capture = true, .releases = true, .after_fault = true}, [&](lock_type& lock) {
    if (pointer == nullptr) return cudaSuccess;
    wait_for_everything(lock);
    block& freed = freeable(pointer, "cudaFree wants what cudaMalloc, cudaMallocAsync or cudaMallocManaged gave");
    if (freed.kind == block_kind::pinned || freed.kind == block_kind::registered)
      throw refusal(cudaErrorInvalidValue, the().blocks.tell(freed.address) + "; free it with cudaFreeHost");
    if (freed.kind == block_kind::managed) {
      free_host(freed, "cudaFree");
      return cudaSuccess;
    }
    if (freed.kind == block_kind::graph) return cudaSuccess;  // the graph keeps the address for its next launch
    account(freed.pool, -static_cast<std::int64_t>(freed.bytes));
    the().device_memory.free(freed.address);
    the().history.forget({freed.address, freed.address + freed.bytes});
    the().blocks.remove(freed.address, "cudaFree");
    return cudaSuccess;
  });
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type&) {
    require(pointer != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *pointer = bytes == 0 ? nullptr : allocate_host(bytes, "cudaMallocHost", block_kind::pinned, cudaHostAllocDefault);
    return cudaSuccess;
  });
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned flags) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type&) {
    require(pointer != nullptr && (flags & ~7u) == 0, cudaErrorInvalidValue,
            "the result pointer is null, or flags are not of cudaHostAllocPortable, Mapped and WriteCombined");
    *pointer = bytes == 0 ? nullptr : allocate_host(bytes, "cudaHostAlloc", block_kind::pinned, flags);
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* pointer) {
  return entry(__func__, {.unsafe_in_capture = true, .releases = true, .after_fault = true}, [&](lock_type& lock) {
    if (pointer == nullptr) return cudaSuccess;
    wait_for_everything(lock);
    block& freed = freeable(pointer, "cudaFreeHost wants what cudaMallocHost or cudaHostAlloc gave");
    require(freed.kind == block_kind::pinned, cudaErrorInvalidValue,
            "the pointer is not from cudaMallocHost or cudaHostAlloc");
    free_host(freed, "cudaFreeHost");
    return cudaSuccess;
  });
}

cudaError_t cudaHostRegister(void* pointer, std::size_t bytes, unsigned flags) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type&) {
    require(pointer != nullptr && bytes != 0, cudaErrorInvalidValue, "the range is empty");
    context& state = the();
    require(!state.device_memory.is_device_address(address_of(pointer)), cudaErrorInvalidValue,
            "the range is device memory");
    require(state.blocks.holding(address_of(pointer)) == nullptr &&
                state.blocks.holding(address_of(pointer) + bytes - 1) == nullptr,
            cudaErrorHostMemoryAlreadyRegistered, "the range is registered already");
    state.device_memory.map_host(pointer, bytes);
    state.blocks.add({.address = address_of(pointer),
                      .bytes = bytes,
                      .kind = block_kind::registered,
                      .origin = "cudaHostRegister",
                      .flags = flags});
    return cudaSuccess;
  });
}

cudaError_t cudaHostUnregister(void* pointer) {
  return entry(__func__, {.unsafe_in_capture = true, .releases = true, .after_fault = true}, [&](lock_type& lock) {
    wait_for_everything(lock);
    block* const found = the().blocks.at(address_of(pointer));
    require(found != nullptr && found->kind == block_kind::registered, cudaErrorHostMemoryNotRegistered,
            "the pointer is not the start of a registered range");
    the().device_memory.unmap_host(pointer);
    the().history.forget({found->address, found->address + found->bytes});
    the().blocks.remove(address_of(pointer), "cudaHostUnregister");
    return cudaSuccess;
  });
}

cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned flags) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(flags == 0 && device != nullptr, cudaErrorInvalidValue, "flags must be 0");
    const block* const found = the().blocks.holding(address_of(host));
    require(found != nullptr && found->on_host(), cudaErrorInvalidValue, "the pointer is not pinned host memory");
    *device = host;
    return cudaSuccess;
  });
}

cudaError_t cudaHostGetFlags(unsigned* flags, void* host) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    const block* const found = the().blocks.holding(address_of(host));
    require(found != nullptr && found->on_host(), cudaErrorInvalidValue, "the pointer is not pinned host memory");
    *flags = found->flags;
    return cudaSuccess;
  });
}

cudaError_t cudaMallocManaged(void** pointer, std::size_t bytes, unsigned flags) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type&) {
    require(pointer != nullptr && bytes != 0 && (flags == cudaMemAttachGlobal || flags == cudaMemAttachHost),
            cudaErrorInvalidValue, "size must not be 0; flags must be cudaMemAttachGlobal or cudaMemAttachHost");
    *pointer = allocate_host(bytes, "cudaMallocManaged", block_kind::managed, flags);
    return cudaSuccess;
  });
}

cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return malloc_from(lock, "cudaMallocAsync", pointer, bytes, the().pools->current(), stream);
  });
}

cudaError_t cudaMallocFromPoolAsync(void** pointer, std::size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return malloc_from(lock, "cudaMallocFromPoolAsync", pointer, bytes, pool, stream);
  });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  return entry(__func__, {.releases = true, .after_fault = true}, [&](lock_type& lock) {
    if (pointer == nullptr) return cudaSuccess;
    stream_state& in = the().streams.of(stream);
    block& freed = freeable(pointer, "cudaFreeAsync wants what cudaMallocAsync or cudaMalloc gave");
    require(!freed.on_host(), cudaErrorInvalidValue, "the pointer is host memory");
    if (the().sticky != cudaSuccess) {  // no stream works any more; the memory is released all the same
      account(freed.pool, -static_cast<std::int64_t>(freed.bytes));
      the().device_memory.free(freed.address);
      the().blocks.remove(freed.address, "cudaFreeAsync");
      check_device();
    }
    if (!in.capture) {
      if (in.legacy) refuse_implicit_dependency();
      if (freed.kind != block_kind::graph) freed.free_queued = true;
      account(freed.pool, -static_cast<std::int64_t>(freed.bytes));
    } else {
      require(freed.kind == block_kind::graph, cudaErrorInvalidValue,
              "memory allocated outside a graph cannot be freed inside one");
    }
    issue(lock, in, free_work{freed.address});
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    *total = the().device_memory.capacity();
    *free = *total - the().device_memory.used();
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(attributes != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *attributes = {};
    const block* const found = the().blocks.holding(address_of(pointer));
    void* const same = const_cast<void*>(pointer);
    if (found != nullptr && found->kind == block_kind::managed) {
      *attributes = {
          .type = cudaMemoryTypeManaged, .device = 0, .devicePointer = same, .hostPointer = same, .reserved = {}};
    } else if (found != nullptr && found->on_host()) {
      *attributes = {
          .type = cudaMemoryTypeHost, .device = 0, .devicePointer = same, .hostPointer = same, .reserved = {}};
    } else if (found != nullptr || the().device_memory.find(address_of(pointer)) != nullptr) {
      *attributes = {
          .type = cudaMemoryTypeDevice, .device = 0, .devicePointer = same, .hostPointer = nullptr, .reserved = {}};
    } else {
      *attributes = {.type = cudaMemoryTypeUnregistered,
                     .device = -2,
                     .devicePointer = nullptr,
                     .hostPointer = same,
                     .reserved = {}};
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemPrefetchAsync(const void* pointer, std::size_t bytes, cudaMemLocation, unsigned flags,
                                 cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type&) {
    the().streams.of(stream);
    require(flags == 0 && locate(pointer, bytes, "the range") == place::managed, cudaErrorInvalidValue,
            "the range is not managed memory");
    return cudaSuccess;  // managed memory is one place here, so there is nothing to move
  });
}

cudaError_t cudaMemAdvise(const void* pointer, std::size_t bytes, cudaMemoryAdvise, cudaMemLocation) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(locate(pointer, bytes, "the range") == place::managed, cudaErrorInvalidValue,
            "the range is not managed memory");
    return cudaSuccess;
  });
}

}  // extern "C"

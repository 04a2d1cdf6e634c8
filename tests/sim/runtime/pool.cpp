// SPDX-License-Identifier: Apache-2.0
#include "pool.hpp"

#include "context.hpp"

namespace sim::runtime {

pool_state& pool_registry::of(cudaMemPool_t handle) {
  if (handle == default_pool()) return default_;
  const auto found = pools_.find(handle);
  if (found == pools_.end() || found->second->destroyed)
    throw refusal(cudaErrorInvalidValue, "the handle is not a memory pool, or was destroyed");
  return *found->second;
}

cudaMemPool_t pool_registry::create(const cudaMemPoolProps& properties) {
  auto made = std::make_unique<pool_state>();
  made->properties = properties;
  const auto handle = reinterpret_cast<cudaMemPool_t>(made.get());
  pools_.emplace(handle, std::move(made));
  return handle;
}

void pool_registry::destroy(cudaMemPool_t handle) {
  if (current_ == handle) current_ = nullptr;
  of(handle).destroyed = true;
  release();
}

std::size_t pool_registry::created() const {
  return static_cast<std::size_t>(
      std::count_if(pools_.begin(), pools_.end(), [](const auto& pool) { return !pool.second->destroyed; }));
}

void pool_registry::release() {
  released_ += default_.trim(default_.release_threshold);
  for (const auto& [handle, pool] : pools_) released_ += pool->trim(pool->release_threshold);
  std::erase_if(pools_, [](const auto& pool) { return pool.second->destroyed && pool.second->used == 0; });
}

}  // namespace sim::runtime

using namespace sim::runtime;

namespace {

void check_device_number(int device) { require(device == 0, cudaErrorInvalidDevice, "the only device is 0"); }

// Every pool attribute as a 64-bit value; the reuse switches are ints in the API.
bool is_switch(cudaMemPoolAttr attribute) {
  return attribute == cudaMemPoolReuseFollowEventDependencies || attribute == cudaMemPoolReuseAllowOpportunistic ||
         attribute == cudaMemPoolReuseAllowInternalDependencies;
}

int& switch_of(pool_state& pool, cudaMemPoolAttr attribute) {
  if (attribute == cudaMemPoolReuseFollowEventDependencies) return pool.reuse_follow_event_dependencies;
  if (attribute == cudaMemPoolReuseAllowOpportunistic) return pool.reuse_allow_opportunistic;
  return pool.reuse_allow_internal_dependencies;
}

}  // namespace

extern "C" {

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    check_device_number(device);
    *pool = the().pools->default_pool();
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetMemPool(cudaMemPool_t* pool, int device) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    check_device_number(device);
    *pool = the().pools->current();
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSetMemPool(int device, cudaMemPool_t pool) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    check_device_number(device);
    the().pools->of(pool);
    the().pools->set_current(pool);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(pool != nullptr && properties != nullptr && properties->allocType == cudaMemAllocationTypePinned &&
                properties->location.type == cudaMemLocationTypeDevice && properties->location.id == 0,
            cudaErrorInvalidValue, "expected pinned memory of device 0");
    *pool = the().pools->create(*properties);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  return entry(__func__, {.unsettled_in_capture = true, .releases = true, .after_fault = true}, [&](lock_type&) {
    require(pool != the().pools->default_pool(), cudaErrorInvalidValue, "the default pool cannot be destroyed");
    the().pools->of(pool);
    the().pools->destroy(pool);  // its allocations stay valid until they are freed
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, std::size_t bytes) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    the().pools->of(pool).trim(bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t handle, cudaMemPoolAttr attribute, void* value) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    pool_state& pool = the().pools->of(handle);
    require(value != nullptr, cudaErrorInvalidValue, "the value is null");
    if (is_switch(attribute)) {
      switch_of(pool, attribute) = *static_cast<int*>(value);
      return cudaSuccess;
    }
    const std::uint64_t wanted = *static_cast<std::uint64_t*>(value);
    switch (attribute) {
      case cudaMemPoolAttrReleaseThreshold:
        pool.release_threshold = wanted;
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemHigh:
        require(wanted == 0, cudaErrorInvalidValue, "a high watermark can only be reset to 0");
        pool.used_high = pool.used;
        return cudaSuccess;
      case cudaMemPoolAttrReservedMemHigh:
        require(wanted == 0, cudaErrorInvalidValue, "a high watermark can only be reset to 0");
        pool.reserved_high = pool.reserved;
        return cudaSuccess;
      default:
        throw refusal(cudaErrorInvalidValue, "not an attribute that can be set");
    }
  });
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t handle, cudaMemPoolAttr attribute, void* value) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    pool_state& pool = the().pools->of(handle);
    require(value != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    if (is_switch(attribute)) {
      *static_cast<int*>(value) = switch_of(pool, attribute);
      return cudaSuccess;
    }
    auto& result = *static_cast<std::uint64_t*>(value);
    switch (attribute) {
      case cudaMemPoolAttrReleaseThreshold:
        result = pool.release_threshold;
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemCurrent:
        result = pool.used;
        return cudaSuccess;
      case cudaMemPoolAttrReservedMemCurrent:
        result = pool.reserved;
        return cudaSuccess;
      case cudaMemPoolAttrUsedMemHigh:
        result = pool.used_high;
        return cudaSuccess;
      case cudaMemPoolAttrReservedMemHigh:
        result = pool.reserved_high;
        return cudaSuccess;
      default:
        throw refusal(cudaErrorInvalidValue, "not an attribute of memory pools");
    }
  });
}

}  // extern "C"

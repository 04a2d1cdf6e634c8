// SPDX-License-Identifier: Apache-2.0
// Entry points of streams and events.
#include <algorithm>

#include "context.hpp"
#include "pool.hpp"

using namespace sim::runtime;

namespace {

constexpr int lowest_priority = 0, highest_priority = -5;

cudaStream_t made_stream(unsigned flags, int priority) {
  require(flags == cudaStreamDefault || flags == cudaStreamNonBlocking, cudaErrorInvalidValue,
          "flags must be cudaStreamDefault or cudaStreamNonBlocking");
  return the().streams.create(flags, std::clamp(priority, highest_priority, lowest_priority));
}

bool finished(const ticket& queued) { return !queued || queued->done; }

// A query says that work is not done, and lets one piece of it happen, so that a loop of queries ends.
cudaError_t poll(lock_type& lock, const std::vector<ticket>& queued) {
  if (std::all_of(queued.begin(), queued.end(), finished)) {
    for (const ticket& one : queued) wait_for(lock, one);
    return cudaSuccess;
  }
  for (const ticket& one : queued)
    if (!finished(one)) {
      the().queue.step(lock, one);
      break;
    }
  check_device();
  return cudaErrorNotReady;
}

cudaError_t record(lock_type& lock, cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  require(flags == cudaEventRecordDefault || flags == cudaEventRecordExternal, cudaErrorInvalidValue,
          "flags must be cudaEventRecordDefault or cudaEventRecordExternal");
  event_state& recorded = the().streams.of(event);
  stream_state& in = the().streams.of(stream);
  if (in.capture) {
    if (flags == cudaEventRecordExternal)
      issue(lock, in, record_work{.event = &recorded, .time = std::make_shared<double>(0)});
    else
      record_in_capture(recorded, in);
    return cudaSuccess;
  }
  recorded.capture_id = 0;
  recorded.captured.clear();
  recorded.time = std::make_shared<double>(0);
  // The event stands for this record from now on, also while the eager schedule runs it.
  const auto time = recorded.time;
  const ticket queued = issue(lock, in, record_work{.event = &recorded, .time = time});
  recorded.recorded = queued;
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(stream != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *stream = made_stream(cudaStreamDefault, lowest_priority);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(stream != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *stream = made_stream(flags, lowest_priority);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(stream != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *stream = made_stream(flags, priority);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return entry(__func__, {}, [&](lock_type&) {
    if (least != nullptr) *least = lowest_priority;
    if (greatest != nullptr) *greatest = highest_priority;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return entry(__func__, {.releases = true, .after_fault = true}, [&](lock_type&) {
    require(stream != nullptr && stream != cudaStreamLegacy && stream != cudaStreamPerThread,
            cudaErrorInvalidResourceHandle, "the default streams cannot be destroyed");
    the().streams.destroy(stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority) {
  return entry(__func__, {}, [&](lock_type&) {
    *priority = the().streams.of(stream).priority;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetFlags(cudaStream_t stream, unsigned* flags) {
  return entry(__func__, {}, [&](lock_type&) {
    *flags = the().streams.of(stream).flags;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetId(cudaStream_t stream, unsigned long long* id) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    *id = the().streams.of(stream).id;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  return entry(__func__, {}, [&](lock_type&) {
    the().streams.of(stream);
    *device = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    stream_state& waited = the().streams.of(stream);
    refuse_in_capture(waited, "synchronise");
    if (waited.legacy) refuse_implicit_dependency();
    synchronize(lock, waited);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    stream_state& asked = the().streams.of(stream);
    refuse_in_capture(asked, "query");
    if (asked.legacy) refuse_implicit_dependency();
    return poll(lock, dependencies(asked));
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return entry(__func__, {}, [&](lock_type& lock) {
    require(flags == cudaEventWaitDefault || flags == cudaEventWaitExternal, cudaErrorInvalidValue,
            "flags must be cudaEventWaitDefault or cudaEventWaitExternal");
    stream_state& waiting = the().streams.of(stream);
    event_state& awaited = the().streams.of(event);
    if (waiting.capture && flags == cudaEventWaitExternal) {
      issue(lock, waiting, wait_work{.event = &awaited});
      return cudaSuccess;
    }
    if (wait_in_capture(waiting, awaited)) return cudaSuccess;
    if (waiting.legacy) refuse_implicit_dependency();
    if (awaited.recorded) enqueue(lock, waiting, "wait for an event", [] { return touched{}; }, {awaited.recorded});
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
  return entry(__func__, {}, [&](lock_type& lock) {
    require(function != nullptr, cudaErrorInvalidValue, "the function is null");
    issue(lock, the().streams.of(stream), host_work{function, argument});
    return cudaSuccess;
  });
}

cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t function, void* argument, unsigned flags) {
  return entry(__func__, {}, [&](lock_type& lock) {
    require(function != nullptr && flags == 0, cudaErrorInvalidValue, "the function is null, or flags are not 0");
    stream_state& in = the().streams.of(stream);
    refuse_in_capture(in, "add a callback to (use cudaLaunchHostFunc)");
    issue(lock, in, callback_work{function, stream, argument});
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(event != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *event = the().streams.create_event(cudaEventDefault);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(event != nullptr && (flags & ~unsigned(cudaEventBlockingSync | cudaEventDisableTiming)) == 0,
            cudaErrorInvalidValue, "flags must be of cudaEventBlockingSync and cudaEventDisableTiming");
    *event = the().streams.create_event(flags);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return entry(__func__, {.releases = true, .after_fault = true}, [&](lock_type&) {
    the().streams.of(event);
    the().streams.destroy_event(event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) { return record(lock, event, stream, cudaEventRecordDefault); });
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  return entry(__func__, {}, [&](lock_type& lock) { return record(lock, event, stream, flags); });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    event_state& asked = the().streams.of(event);
    refuse_captured(asked);
    return poll(lock, {asked.recorded});
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    event_state& awaited = the().streams.of(event);
    refuse_captured(awaited);
    wait_for(lock, awaited.recorded);
    the().pools->release();
    return cudaSuccess;
  });
}

// Times are the modelled device's, the same in every run, not measurements.
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return entry(__func__, {}, [&](lock_type& lock) {
    require(milliseconds != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    event_state &first = the().streams.of(start), &second = the().streams.of(end);
    refuse_captured(first);
    refuse_captured(second);
    require(((first.flags | second.flags) & cudaEventDisableTiming) == 0, cudaErrorInvalidResourceHandle,
            "an event was created with cudaEventDisableTiming");
    require(first.recorded && second.recorded, cudaErrorInvalidResourceHandle, "an event was never recorded");
    if (const auto status = poll(lock, {first.recorded, second.recorded}); status != cudaSuccess) return status;
    *milliseconds = static_cast<float>((*second.time - *first.time) / 1000);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetAttribute(cudaStream_t stream, cudaLaunchAttributeID attribute,
                                   cudaLaunchAttributeValue* value) {
  return entry(__func__, {}, [&](lock_type&) {
    const stream_state& asked = the().streams.of(stream);
    switch (attribute) {
      case cudaLaunchAttributeAccessPolicyWindow:
        *value = asked.access_policy;
        return cudaSuccess;
      case cudaLaunchAttributeSynchronizationPolicy:
        *value = asked.synchronization_policy;
        return cudaSuccess;
      case cudaLaunchAttributeMemSyncDomain:
        *value = asked.domain;
        return cudaSuccess;
      case cudaLaunchAttributeMemSyncDomainMap:
        *value = asked.domain_map;
        return cudaSuccess;
      case cudaLaunchAttributePriority:
        value->priority = asked.priority;
        return cudaSuccess;
      default:
        throw refusal(cudaErrorInvalidValue, "not an attribute of streams");
    }
  });
}

cudaError_t cudaStreamSetAttribute(cudaStream_t stream, cudaLaunchAttributeID attribute,
                                   const cudaLaunchAttributeValue* value) {
  return entry(__func__, {}, [&](lock_type&) {
    stream_state& changed = the().streams.of(stream);
    switch (attribute) {
      case cudaLaunchAttributeAccessPolicyWindow:
        changed.access_policy = *value;
        return cudaSuccess;
      case cudaLaunchAttributeSynchronizationPolicy:
        changed.synchronization_policy = *value;
        return cudaSuccess;
      case cudaLaunchAttributeMemSyncDomain:
        changed.domain = *value;
        return cudaSuccess;
      case cudaLaunchAttributeMemSyncDomainMap:
        changed.domain_map = *value;
        return cudaSuccess;
      case cudaLaunchAttributePriority:
        changed.priority = value->priority;
        return cudaSuccess;
      default:
        throw refusal(cudaErrorInvalidValue, "not an attribute of streams");
    }
  });
}

}  // extern "C"

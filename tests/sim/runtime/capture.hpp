// SPDX-License-Identifier: Apache-2.0
// Stream capture: its state and its rules (CUDA programming guide, "Creating a Graph Using Stream Capture").
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <set>
#include <thread>

#include "stream.hpp"

namespace sim::runtime {

struct capture_state {
  std::uint64_t id = 0;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  stream_state* origin = nullptr;
  std::set<stream_state*> streams;     // origin and those joined by events
  std::shared_ptr<graph_state> graph;  // being built
  bool into_existing = false;          // cudaStreamBeginCaptureToGraph
  bool valid = true;
};

// Adds a node after the stream's captured work.
void capture_work(stream_state& stream, work what);

// Refuses the call (and invalidates the capture) when the stream is capturing.
void refuse_in_capture(stream_state& stream, const char* what);

// Refuses the use of the legacy stream while a stream that it would wait for is capturing.
void refuse_implicit_dependency();

// The check of call_rules::unsafe_in_capture and unsettled_in_capture.
void refuse_unsafe_call(const char* name);

void record_in_capture(event_state& event, stream_state& stream);
// True when the wait belongs to a capture (the event was recorded in one).
bool wait_in_capture(stream_state& stream, event_state& event);
void refuse_captured(const event_state& event);

// A destroyed stream leaves its capture invalid.
void leave_capture(stream_state& stream);

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
#include "capture.hpp"

#include <algorithm>

#include "context.hpp"
#include "graph.hpp"

namespace sim::runtime {
namespace {

cudaStreamCaptureMode& thread_mode() {
  thread_local cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  return mode;
}

early_place place_of(const graph_state& graph, const std::vector<graph_edge>& after) {
  if (after.empty()) return early_place::none;
  if (after.size() > 1) return early_place::after_join;
  const work& last = after[0].from->what;
  if (std::holds_alternative<kernel_work>(last)) return graph.is_body ? early_place::loop : early_place::chain;
  if (std::holds_alternative<child_work>(last)) return early_place::after_child;
  return std::holds_alternative<conditional_work>(last) ? early_place::after_loop : early_place::after_other;
}

// Captures in progress.
std::vector<std::shared_ptr<capture_state>> active_captures() {
  auto& all = the().captures;
  std::erase_if(all, [](const auto& weak) { return weak.expired(); });
  std::vector<std::shared_ptr<capture_state>> found;
  for (const auto& weak : all) found.push_back(weak.lock());
  return found;
}

// Work that was captured has been lost: everything but the end of the capture now fails.
void invalidate(capture_state& capture) { capture.valid = false; }

void require_valid(const capture_state& capture) {
  if (!capture.valid) throw plain_error{cudaErrorStreamCaptureInvalidated};
}

void add_unique(std::vector<capture_edge>& edges, const capture_edge& added) {
  const auto same = [&](const capture_edge& edge) { return edge.from == added.from; };
  if (std::none_of(edges.begin(), edges.end(), same)) edges.push_back(added);
}

void end(capture_state& capture) {
  for (auto* stream : capture.streams) {
    stream->capture_tail.clear();
    // The last reference may die here, with `capture` itself: the origin goes last.
    if (stream != capture.origin) stream->capture = nullptr;
  }
  capture.origin->capture = nullptr;
}

// Source: reports to the vendor of this crash, in whichever order the captures are ended.
void refuse_broken_body(const capture_state& capture) {
  if (capture.valid || !capture.graph->is_body) return;
  fault told;
  told.kind = fault_kind::driver_crash;
  told.message =
      "a capture into the body of a conditional node was invalidated: the driver has freed the body that the node "
      "owns, and ending the outer capture crashes in it; capture into a graph of your own first, and into the body "
      "what is known to work";
  the().control.faults.push_back(told);
  raise_fault(cudaErrorUnknown, "sim::runtime: driver_crash: " + told.message);
}

bool joined(const capture_state& capture) {
  const auto& last = capture.origin->capture_tail;
  for (const auto* stream : capture.streams)
    for (const auto& edge : stream->capture_tail)
      if (std::none_of(last.begin(), last.end(), [&](const capture_edge& end) {
            return end.from == edge.from || reaches(*edge.from, *end.from);
          }))
        return false;
  return true;
}

std::vector<capture_edge> edges_from(const cudaGraphNode_t* nodes, const cudaGraphEdgeData* data, std::size_t count,
                                     const graph_state& graph) {
  require(count == 0 || nodes != nullptr, cudaErrorInvalidValue, "the dependencies are null");
  std::vector<capture_edge> edges;
  for (std::size_t i = 0; i < count; ++i) {
    node_state& from = the().graphs->of(nodes[i]);
    require(from.owner == &graph, cudaErrorInvalidValue, "a dependency is a node of another graph");
    edges.push_back({&from, data != nullptr ? data[i] : cudaGraphEdgeData{}});
  }
  return edges;
}

void begin(cudaStream_t handle, cudaStreamCaptureMode mode, std::shared_ptr<graph_state> into,
           std::vector<capture_edge> tail) {
  stream_state& stream = the().streams.of(handle);
  require(mode == cudaStreamCaptureModeGlobal || mode == cudaStreamCaptureModeThreadLocal ||
              mode == cudaStreamCaptureModeRelaxed,
          cudaErrorInvalidValue, "the mode is no cudaStreamCaptureMode");
  require(!stream.legacy, cudaErrorStreamCaptureUnsupported, "the legacy default stream cannot be captured");
  require(!stream.capture, cudaErrorIllegalState, "the stream is already capturing");
  auto made = std::make_shared<capture_state>();
  made->id = ++the().identifiers;
  made->mode = mode;
  made->thread = std::this_thread::get_id();
  made->origin = &stream;
  made->streams = {&stream};
  made->into_existing = into != nullptr;
  if (into == nullptr) {
    into = std::make_shared<graph_state>();
    into->id = the().graphs->next_id();
    the().graphs->lend(into);
  }
  made->graph = std::move(into);
  the().captures.push_back(made);
  stream.capture = std::move(made);
  stream.capture_tail = std::move(tail);
}

}  // namespace

void capture_work(stream_state& stream, work what) {
  capture_state& capture = *stream.capture;
  require_valid(capture);
  std::vector<graph_edge> after;
  for (const auto& edge : stream.capture_tail) after.push_back({edge.from, edge.data});
  // A programmatic launch after one kernel becomes a programmatic edge; after anything else it waits for the end.
  early_place early = early_place::none;
  if (auto* kernel = std::get_if<kernel_work>(&what); kernel != nullptr && kernel->programmatic) {
    kernel->programmatic = false;
    early = place_of(*capture.graph, after);
    const early_answer answer = the().control.early(early);
    if (answer == early_answer::invalid) invalidate(capture);
    if (answer == early_answer::launch || answer == early_answer::invalid)
      throw refusal(cudaErrorNotSupported,
                    "the rules in force refuse an early launch of place \"" + name(early) + "\"");
    if (after.size() == 1 && std::holds_alternative<kernel_work>(after[0].from->what)) {
      after[0].data.from_port = cudaGraphKernelNodePortProgrammatic;
      after[0].data.type = cudaGraphDependencyTypeProgrammatic;
    }
  }
  node_state& added = add_node(*capture.graph, std::move(what), std::move(after));
  added.early = early;
  stream.capture_tail = {{&added, {}}};
}

void refuse_in_capture(stream_state& stream, const char* what) {
  if (!stream.capture) return;
  require_valid(*stream.capture);
  invalidate(*stream.capture);
  throw refusal(cudaErrorStreamCaptureUnsupported,
                "cannot " + std::string(what) + " a stream that is capturing; the capture is now invalid");
}

void refuse_implicit_dependency() {
  for (const auto& capture : active_captures()) {
    const bool blocking = std::any_of(capture->streams.begin(), capture->streams.end(),
                                      [](const stream_state* stream) { return stream->blocking(); });
    if (!blocking) continue;
    invalidate(*capture);
    throw refusal(cudaErrorStreamCaptureImplicit,
                  "the legacy default stream would wait for a stream that is capturing, whose capture is now invalid; "
                  "use another stream, or create the captured one with cudaStreamNonBlocking");
  }
}

// Source: cudaThreadExchangeStreamCaptureMode.
void refuse_unsafe_call(const char* name) {
  if (thread_mode() == cudaStreamCaptureModeRelaxed) return;
  bool refused = false;
  for (const auto& capture : active_captures()) {
    const bool own = capture->thread == std::this_thread::get_id();
    const bool protects =
        own ? capture->mode != cudaStreamCaptureModeRelaxed
            : capture->mode == cudaStreamCaptureModeGlobal && thread_mode() == cudaStreamCaptureModeGlobal;
    if (!protects) continue;
    invalidate(*capture);
    refused = true;
  }
  if (refused)
    throw refusal(
        cudaErrorStreamCaptureUnsupported,
        std::string(name) +
            " is not allowed while a capture in mode global (or of this thread) is in "
            "progress; the capture is now invalid (mode relaxed allows it: cudaThreadExchangeStreamCaptureMode)");
}

void record_in_capture(event_state& event, stream_state& stream) {
  require_valid(*stream.capture);
  event.capture = stream.capture;
  event.capture_id = stream.capture->id;
  event.captured = stream.capture_tail;
}

bool wait_in_capture(stream_state& stream, event_state& event) {
  if (stream.capture) require_valid(*stream.capture);
  if (event.capture_id == 0) {
    if (!stream.capture) return false;
    if (!event.recorded) return true;  // never recorded: nothing to wait for
    invalidate(*stream.capture);
    throw refusal(cudaErrorStreamCaptureIsolation,
                  "a capturing stream cannot wait for an event that was recorded outside its capture");
  }
  const std::shared_ptr<capture_state> capture = event.capture.lock();
  if (!capture) {
    if (stream.capture) invalidate(*stream.capture);
    throw refusal(stream.capture ? cudaErrorStreamCaptureIsolation : cudaErrorCapturedEvent,
                  "the event was last recorded in a capture that has ended; record it again");
  }
  require_valid(*capture);
  if (stream.capture && stream.capture != capture) {
    invalidate(*stream.capture);
    invalidate(*capture);
    throw refusal(cudaErrorStreamCaptureMerge, "the stream and the event belong to two separate captures");
  }
  if (!stream.capture) {
    if (stream.legacy) {
      invalidate(*capture);
      throw refusal(cudaErrorStreamCaptureImplicit, "the legacy default stream cannot join a capture");
    }
    stream.capture = capture;
    stream.capture_tail.clear();
    capture->streams.insert(&stream);
  }
  for (const auto& edge : event.captured) add_unique(stream.capture_tail, edge);
  return true;
}

void refuse_captured(const event_state& event) {
  if (event.capture_id == 0) return;
  if (const auto capture = event.capture.lock()) invalidate(*capture);
  throw refusal(cudaErrorCapturedEvent, "the event was last recorded in a capture: it never happens on the device");
}

void leave_capture(stream_state& stream) {
  if (!stream.capture) return;
  const std::shared_ptr<capture_state> capture = stream.capture;
  invalidate(*capture);
  if (capture->origin == &stream) {
    refuse_broken_body(*capture);
    end(*capture);
  } else {
    capture->streams.erase(&stream);
    stream.capture = nullptr;
  }
}

}  // namespace sim::runtime

using namespace sim::runtime;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return entry(__func__, {}, [&](lock_type&) {
    begin(stream, mode, nullptr, {});
    return cudaSuccess;
  });
}

cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t stream, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                          const cudaGraphEdgeData* data, std::size_t count,
                                          cudaStreamCaptureMode mode) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto into = the().graphs->of(graph);
    begin(stream, mode, into, edges_from(dependencies, data, count, *into));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return entry(__func__, {.releases = true}, [&](lock_type&) {
    if (graph != nullptr) *graph = nullptr;
    stream_state& ended = the().streams.of(stream);
    require(ended.capture != nullptr, cudaErrorIllegalState, "the stream is not capturing");
    const std::shared_ptr<capture_state> capture = ended.capture;
    if (capture->origin != &ended) {
      invalidate(*capture);
      throw refusal(cudaErrorStreamCaptureUnmatched, "end the capture in the stream where it began");
    }
    if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
      throw refusal(cudaErrorStreamCaptureWrongThread,
                    "end the capture in the thread that began it, or begin it in mode relaxed");
    const bool all_joined = joined(*capture);
    end(*capture);
    refuse_broken_body(*capture);
    require_valid(*capture);
    require(all_joined, cudaErrorStreamCaptureUnjoined,
            "a stream that joined the capture has work that the stream of its beginning never waits for");
    if (graph != nullptr && !planted_to_fail())
      *graph = capture->into_existing ? handle_of(capture->graph.get()) : the().graphs->adopt(capture->graph);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return entry(__func__, {}, [&](lock_type&) {
    require(status != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    const stream_state& asked = the().streams.of(stream);
    if (asked.legacy) {
      for (const auto& capture : active_captures())
        for (const auto* captured : capture->streams)
          if (captured->blocking()) throw plain_error{cudaErrorStreamCaptureImplicit};
    }
    *status = !asked.capture         ? cudaStreamCaptureStatusNone
              : asked.capture->valid ? cudaStreamCaptureStatusActive
                                     : cudaStreamCaptureStatusInvalidated;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                                     cudaGraph_t* graph, const cudaGraphNode_t** dependencies,
                                     const cudaGraphEdgeData** data, std::size_t* count) {
  return entry(__func__, {}, [&](lock_type&) {
    require(status != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    stream_state& asked = the().streams.of(stream);
    if (asked.legacy) refuse_implicit_dependency();
    if (!asked.capture) {
      *status = cudaStreamCaptureStatusNone;
      return cudaSuccess;
    }
    *status = asked.capture->valid ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusInvalidated;
    if (!asked.capture->valid) return cudaSuccess;
    asked.lent_nodes.clear();
    asked.lent_edges.clear();
    bool special = false;
    for (const auto& edge : asked.capture_tail) {
      asked.lent_nodes.push_back(handle_of(edge.from));
      asked.lent_edges.push_back(edge.data);
      special = special || edge.data.type != 0 || edge.data.from_port != 0 || edge.data.to_port != 0;
    }
    if (dependencies != nullptr && data == nullptr && special) throw plain_error{cudaErrorLossyQuery};
    if (id != nullptr) *id = asked.capture->id;
    if (graph != nullptr) *graph = handle_of(asked.capture->graph.get());
    if (dependencies != nullptr) *dependencies = asked.lent_nodes.data();
    if (data != nullptr) *data = asked.lent_edges.data();
    if (count != nullptr) *count = asked.lent_nodes.size();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamUpdateCaptureDependencies(cudaStream_t stream, cudaGraphNode_t* dependencies,
                                                const cudaGraphEdgeData* data, std::size_t count, unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    stream_state& changed = the().streams.of(stream);
    require(changed.capture != nullptr, cudaErrorIllegalState, "the stream is not capturing");
    require_valid(*changed.capture);
    require(flags == cudaStreamAddCaptureDependencies || flags == cudaStreamSetCaptureDependencies,
            cudaErrorInvalidValue,
            "flags must be cudaStreamAddCaptureDependencies or cudaStreamSetCaptureDependencies");
    const auto edges = edges_from(dependencies, data, count, *changed.capture->graph);
    if (flags == cudaStreamSetCaptureDependencies) changed.capture_tail.clear();
    for (const auto& edge : edges) add_unique(changed.capture_tail, edge);
    return cudaSuccess;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return entry(__func__, {.releases = true, .after_fault = true}, [&](lock_type&) {
    require(mode != nullptr && *mode >= cudaStreamCaptureModeGlobal && *mode <= cudaStreamCaptureModeRelaxed,
            cudaErrorInvalidValue, "the mode is no cudaStreamCaptureMode");
    std::swap(*mode, thread_mode());
    return cudaSuccess;
  });
}

}  // extern "C"

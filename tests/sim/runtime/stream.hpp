// SPDX-License-Identifier: Apache-2.0
// Streams and events: in-order queues over the scheduler.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "work.hpp"

namespace sim::runtime {

struct capture_state;
struct node_state;

// A dependency on a node of the graph being captured.
struct capture_edge {
  node_state* from = nullptr;
  cudaGraphEdgeData data{};
};

struct stream_state {
  std::uint64_t id = 0;
  unsigned flags = 0;
  int priority = 0;
  bool legacy = false;
  ticket tail;  // the last operation queued
  // What may still run when a programmatic launch comes next: null unless a kernel came last, allocations and frees of
  // stream-ordered memory apart. Those are bookkeeping of the driver and keep no kernel from overlapping the one
  // before; as nodes of a graph they do.
  std::shared_ptr<flight> tail_kernel;
  std::uint64_t number = 0;  // of the last operation, in this stream's chain
  vector_clock seen;         // what comes before the next operation
  std::shared_ptr<capture_state> capture;
  std::vector<capture_edge> capture_tail;  // what the next captured node will depend on
  // The arrays that cudaStreamGetCaptureInfo lends out.
  std::vector<cudaGraphNode_t> lent_nodes;
  std::vector<cudaGraphEdgeData> lent_edges;
  cudaLaunchAttributeValue access_policy{}, synchronization_policy{}, domain{}, domain_map{};
  bool blocking() const { return !legacy && !(flags & cudaStreamNonBlocking); }
};

struct event_state {
  std::uint64_t id = 0;
  unsigned flags = 0;
  ticket recorded;               // the operation of its last record; null before
  std::shared_ptr<double> time;  // device clock of that record, microseconds
  std::weak_ptr<capture_state> capture;
  std::uint64_t capture_id = 0;  // nonzero: last recorded in a capture
  std::vector<capture_edge> captured;
};

class stream_registry {
 public:
  // By handle: null and cudaStreamLegacy, cudaStreamPerThread, or a created stream. Throws a refusal (invalid handle).
  stream_state& of(cudaStream_t handle);
  event_state& of(cudaEvent_t handle);
  cudaStream_t create(unsigned flags, int priority);
  void destroy(cudaStream_t handle);
  cudaEvent_t create_event(unsigned flags);
  void destroy_event(cudaEvent_t handle);
  stream_state& legacy() { return legacy_; }
  std::vector<stream_state*> all();
  void clear() { streams_.clear(), events_.clear(), per_thread_.clear(); }
  std::size_t live_streams() const { return streams_.size(); }
  std::size_t live_events() const { return events_.size(); }
  template <class Visit>
  void for_each_stream(Visit visit) const {
    for (const auto& [handle, stream] : streams_) visit(*stream);
  }

 private:
  std::map<cudaStream_t, std::shared_ptr<stream_state>> streams_;
  std::map<std::thread::id, stream_state> per_thread_;
  std::map<cudaEvent_t, std::shared_ptr<event_state>> events_;
  stream_state legacy_;
  std::uint64_t created_ = 0;

 public:
  stream_registry() { legacy_.id = ++created_, legacy_.legacy = true; }
};

// Queues work in a stream, or adds it to the graph that the stream captures. Returns the operation, null in a capture.
ticket issue(lock_type& lock, stream_state& stream, work what);

// What an operation issued now in the stream must wait for: its own tail, and the legacy stream's rules.
std::vector<ticket> dependencies(stream_state& stream);

// Queues an operation with its own body, which returns what it touched; the stream must not be capturing.
ticket enqueue(lock_type& lock, stream_state& stream, std::string what, std::function<touched()> body,
               std::vector<ticket> more = {});

// The host waits: what it does next comes after this operation. Throws the device's sticky error.
void wait_for(lock_type& lock, const ticket& queued);
void synchronize(lock_type& lock, stream_state& stream);
void synchronize_all(lock_type& lock);

// Throws the device's sticky error, if it has one.
void check_device();

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// One piece of work for the device: what a stream queues and what a graph node holds.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "../ptx/machine.hpp"
#include "scheduler.hpp"

namespace sim::runtime {

struct kernel_state;
struct event_state;
struct graph_state;
struct graph_plan;
struct graph_allocation;

struct kernel_work {
  kernel_state* kernel = nullptr;
  dim3 grid, block;
  std::size_t dynamic_shared_bytes = 0;
  std::vector<std::byte> parameters;  // the kernel's parameter space, a deep copy
  bool programmatic = false;          // may start before the work ahead of it ends
  bool cooperative = false;
  int priority = 0;
  dim3 cluster{1, 1, 1};
};

// depth × height rows of width bytes.
struct copy_work {
  void* destination = nullptr;
  const void* source = nullptr;
  std::size_t destination_pitch = 0, source_pitch = 0;
  std::size_t width = 0, height = 1, depth = 1;
  std::size_t destination_rows = 1, source_rows = 1;  // rows of a slice in memory
  cudaMemcpyKind kind = cudaMemcpyDefault;
  // Pageable host bytes are read when the copy is issued: they are then here, rows dense.
  std::shared_ptr<std::vector<std::byte>> staged;
  std::size_t bytes() const { return width * height * depth; }
};

struct fill_work {
  void* destination = nullptr;
  std::size_t pitch = 0;
  unsigned value = 0, element_bytes = 1;
  std::size_t width = 0, height = 1;  // width in elements
};

struct host_work {
  cudaHostFn_t function = nullptr;
  void* argument = nullptr;
};

// A host function with the stream and its error as arguments: cudaStreamAddCallback.
struct callback_work {
  cudaStreamCallback_t function = nullptr;
  cudaStream_t stream = nullptr;
  void* argument = nullptr;
};

struct record_work {
  event_state* event = nullptr;
  std::shared_ptr<double> time;  // receives the device clock, in microseconds
};

struct wait_work {
  event_state* event = nullptr;
};

struct allocate_work {
  std::shared_ptr<graph_allocation> of_graph;  // null for a stream's allocation
  std::uint64_t address = 0;
  std::size_t bytes = 0;
};

struct free_work {
  std::uint64_t address = 0;
};

struct child_work {
  std::shared_ptr<graph_state> graph;  // in a node: the embedded clone
  std::shared_ptr<graph_plan> plan;    // in a plan
};

struct conditional_work {
  cudaGraphConditionalHandle handle = 0;
  cudaGraphConditionalNodeType type = cudaGraphCondTypeIf;
  std::vector<std::shared_ptr<graph_state>> bodies;
  std::vector<std::shared_ptr<graph_plan>> plans;
};

struct empty_work {};

using work = std::variant<kernel_work, copy_work, fill_work, host_work, callback_work, record_work, wait_work,
                          allocate_work, free_work, child_work, conditional_work, empty_work>;

cudaGraphNodeType node_type(const work& what);
std::string describe(const work& what);

// Where a kernel runs from, for the launch records.
struct run_place {
  std::uint64_t stream = 0;
  bool in_graph = false;
};

// Does the work, on the worker thread, without the runtime's lock. `in_flight`: the kernels that may still run when it
// begins, and after it, those that may run when a programmatic launch right behind it begins. The result is what this
// work touched.
touched execute(const work& what, flight& in_flight, run_place place);

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// The state of the simulated device and of the runtime on it. One instance, which lives as long as the process.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "blocks.hpp"
#include "capture.hpp"
#include "control.hpp"
#include "device_model.hpp"
#include "early_rules.hpp"
#include "entry.hpp"
#include "program.hpp"
#include "scheduler.hpp"
#include "stream.hpp"

namespace sim::runtime {

struct graph_registry;
struct pool_registry;

// What the test control has planted and what it has counted.
struct control_state {
  struct plan {
    std::string name;  // empty: any call
    long left;         // calls before the failing one
    cudaError_t error;
  };
  std::vector<plan> plans;
  std::map<std::string, long> calls;
  long total_calls = 0;
  std::string last_failed;
  long executions_left = -1;  // kernels before the one whose execution fails; negative: none planned
  cudaError_t execution_error = cudaSuccess;
  std::vector<control::launch_record> launches;
  std::size_t launches_kept = 4096;
  std::uint64_t launches_made = 0;
  std::vector<fault> faults;
  std::vector<std::string> complaints;
  bool quiet = false;
  checks which = checks::all;
  std::uint64_t block_order = 0;
  early_rules early;
  bool in_flight_counts = false;
};

struct context {
  std::mutex mutex;
  scheduler queue;
  memory device_memory;
  block_registry blocks;
  program_registry programs;
  stream_registry streams;
  std::vector<std::weak_ptr<capture_state>> captures;
  vector_clock host_clock, device_clock;  // what the host has waited for; everything that was submitted
  access_history history;
  std::set<std::uint64_t> retired_chains;  // of destroyed streams that the host had waited for
  std::unique_ptr<pool_registry> pools;
  std::unique_ptr<graph_registry> graphs;
  control_state control;
  std::atomic<cudaError_t> sticky = cudaSuccess;
  double clock = 0;  // microseconds of modelled device time
  unsigned device_flags = 0;
  std::uint64_t identifiers = 0;
  context();
  ~context();
};

context& the();

// Enters what a piece of work touched. Work of two streams that touches the same bytes, one of them writing, and that
// nothing orders, is a fault, whichever ran first.
void enter_history(const touched& what, const toucher& now, const vector_clock& clock);

void report_unordered(const access_conflict& found, const std::string& later, const char* remedy);

// Records a fault of the device: printed once, sticky until cudaDeviceReset or control::clear_faults.
void raise_fault(cudaError_t error, const std::string& text);

// A line for the person who runs the test, on standard error unless quiet.
void complain(const std::string& text);

}  // namespace sim::runtime

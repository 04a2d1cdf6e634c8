// SPDX-License-Identifier: Apache-2.0
// What a test may ask of the simulated device: what was launched and what it counted, planted failures, faults without
// an end of the process, leaks.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "../ptx/report.hpp"

namespace sim::control {

struct launch_record {
  std::string kernel;  // readable: "add<float>", without parameters
  std::string mangled_name;
  dim3 grid, block;
  std::size_t dynamic_shared_bytes = 0, static_shared_bytes = 0;
  counters counts;
  std::size_t faults = 0;
  bool programmatic = false, in_graph = false;
  std::uint64_t stream = 0;  // cudaStreamGetId
  // From ptxas (the cubin beside the PTX); registers is 0 when the program has no sm_90 cubin.
  int registers = 0, local_bytes = 0;
  int local_loads = 0, local_stores = 0;  // machine instructions: spills, and local arrays if the PTX has any
  std::size_t ptx_local_bytes = 0;        // local arrays of the PTX; 0: every local access is a spill
  int blocks_per_multiprocessor = 0;      // at this block size and shared memory, for the named device
  double occupancy = 0;                   // resident threads over the most that fit, 0 to 1
};

// Launches that have run, oldest first; the last 4096 are kept. Waits for nothing: synchronise first.
std::vector<launch_record> launches();
// The only launch of a kernel whose readable name contains `name`; throws std::runtime_error if there is not one.
launch_record launch_of(std::string_view name);
std::uint64_t launch_count();  // all that ran since the last reset, kept or not

// Forgets launches, call counts and planted failures. What is alive stays alive.
void reset();

// The nth call from now (1: the next) of this entry point, e.g. "cudaMalloc", returns `error`.
// Kernel launches of every kind are also counted under "cudaLaunchKernel".
void fail(std::string_view name, long nth, cudaError_t error);
// The nth call from now of any entry point that can fail.
void fail_any(long nth, cudaError_t error);
// The nth kernel from now fails while it runs: the error is sticky and shows at the next synchronisation.
void fail_execution(long nth, cudaError_t error);
void clear_failures();

long calls(std::string_view name);  // since the last reset
long total_calls();                 // of all entry points that can fail
std::string last_failed();          // the entry point that the last planted failure hit; empty: none

// Everything alive that the program must release.
struct alive {
  std::size_t allocations = 0, host_allocations = 0, streams = 0, events = 0, graphs = 0, graph_execs = 0, pools = 0;
  friend bool operator==(const alive&, const alive&) = default;
};
alive live();
std::size_t live_bytes();        // of device memory
std::uint64_t released_bytes();  // that memory pools gave back to the system at synchronisations: 0 release threshold

// Runs `body` once to count its calls, then once for each call with that call failing. `body` receives the number of
// the failing call (0 in the first run) and must leave nothing behind: what is alive is compared before and after.
// Returns the number of calls that failed. Throws std::runtime_error for a leak, naming the failed entry point.
long for_each_failure(const std::function<void(long failing)>& body, cudaError_t error = cudaErrorMemoryAllocation);

// Faults of kernels and copies since the last take or clear. A process that ends with faults that nobody took ends
// with status 3 (FUSE_SIM_FAULTS=ignore: it does not).
std::vector<fault> take_faults();            // the sticky error stays
void clear_faults();                         // the device works again
std::vector<std::string> take_complaints();  // what was said about wrong calls
void quiet(bool yes);                        // complaints and faults are kept, not printed

void set_checks(checks which);
void set_schedule(std::string_view schedule);  // as FUSE_SIM_SCHEDULE
// The order in which blocks begin that can wait for each other: 0 ascending, any other number another permutation; as
// FUSE_SIM_BLOCK_ORDER.
void set_block_order(std::uint64_t seed);
// What the driver's documents leave open. Early launches in captures: a list of place=answer as FUSE_SIM_EARLY has it,
// "" accepts all. Places: chain, loop, child, after_child, after_loop, after_join, after_other; answers: accepted, or
// refused at launch, at launch with an invalid capture (invalid), at instantiation, at update.
void set_early_launches(std::string_view rules);
// Does a destroyed executable graph that is still running count as an instance? As FUSE_SIM_IN_FLIGHT=counts.
void set_in_flight_counts(bool yes);
void set_memory_capacity(std::size_t bytes);
std::size_t pending_operations();

}  // namespace sim::control

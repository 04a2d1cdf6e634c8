// SPDX-License-Identifier: Apache-2.0
// A machine that executes PTX: parse a module, put data into a device memory, run a kernel, read the report.
//
//   sim::memory device;
//   sim::module code = sim::module::parse(ptx, "saxpy.ptx");
//   const sim::kernel* saxpy = code.find("_Z5saxpyfPKfPf");
//   sim::report report = sim::run(code, *saxpy, {.grid = {4}, .block = {128}}, parameter_bytes, device);
//
// Everything here may be called from several threads at once. Errors of the caller are thrown as sim::error; errors of
// the simulated kernel are faults in the report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "error.hpp"
#include "memory.hpp"
#include "module.hpp"
#include "report.hpp"

namespace sim {

struct dim {
  unsigned x = 1, y = 1, z = 1;
  std::uint64_t size() const { return std::uint64_t{x} * y * z; }
  friend bool operator==(const dim&, const dim&) = default;
};

struct launch {
  dim grid = {};
  dim block = {};
  std::size_t dynamic_shared_bytes = 0;
  /// Programmatic dependent launch: what kernels before this one, still in flight, write (see report::written) and read
  /// (report::read). Touching the first, or writing the second, before griddepcontrol.wait is a fault. Empty for an
  /// ordinary launch, where the wait does nothing. In any order.
  std::vector<range> in_flight_writes = {};
  std::vector<range> in_flight_reads = {};
  /// The same of kernels that may still run after griddepcontrol.wait: those before a kernel that never waited itself.
  /// Touching them is a fault in all of this kernel.
  std::vector<range> outlasting_writes = {};
  std::vector<range> outlasting_reads = {};
  checks which = checks::all;
  /// OS threads that execute blocks. A kernel whose blocks can communicate (it contains an atomic with a result, a
  /// float reduction, or a volatile, relaxed or acquire load of global memory) always uses one, so that its counters
  /// and its result are the same in every run.
  unsigned threads = 2;
  /// Warp instructions that may pass without any store, atomic change or finished block before a spinning kernel is
  /// reported as a deadlock.
  std::uint64_t spin_limit = 20'000'000;
  /// How many blocks the device holds at once; 0: all of the grid. Of blocks that can communicate no more begin until
  /// one of these ends, so that a barrier of more blocks than fit is the deadlock that it is on a device.
  std::uint64_t resident_blocks = 0;
  /// The order in which blocks that can communicate begin: 0 ascending, as devices do; any other number another
  /// permutation of the grid, for nothing promises an order.
  std::uint64_t block_order = 0;
};

/// Runs `code` to completion. `parameters` is the kernel's parameter space: every parameter at
/// kernel::parameters[i].offset. Loads the module's variables into `device` if they are not there yet.
/// @throws sim::error for a bad launch (sizes, shared memory above 227 KiB, too many threads) and for PTX that the
/// machine does not know; the message names the line.
report run(const module& code, const kernel& entry, const launch& how, std::span<const std::byte> parameters,
           memory& device);

}  // namespace sim

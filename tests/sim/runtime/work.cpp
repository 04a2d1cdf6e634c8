// SPDX-License-Identifier: Apache-2.0
// What each kind of work does when its turn comes.
#include "work.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "context.hpp"
#include "counter_log.hpp"
#include "graph.hpp"
#include "occupancy.hpp"

namespace sim::runtime {
namespace {

template <class... Cases>
struct overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

void advance_clock(double microseconds) {
  lock_type lock(the().mutex);
  the().clock += model.launch_microseconds + microseconds;
}

// A fault that is not a kernel's: a copy from dead memory, a launch that the machine refuses.
void fault_outside_kernels(cudaError_t error, const std::string& text) {
  lock_type lock(the().mutex);
  fault found;
  found.kind = fault_kind::out_of_bounds;
  found.message = text;
  the().control.faults.push_back(found);
  raise_fault(error, "sim::runtime: " + text);
}

cudaError_t error_of(fault_kind kind) {
  switch (kind) {
    case fault_kind::out_of_bounds:
    case fault_kind::read_only:
      return cudaErrorIllegalAddress;
    case fault_kind::misaligned:
      return cudaErrorMisalignedAddress;
    case fault_kind::assertion:
      return cudaErrorAssert;
    case fault_kind::deadlock:
      return cudaErrorLaunchTimeout;
    default:
      return cudaErrorLaunchFailure;
  }
}

// A roofline of the named device: bytes against bandwidth, instructions against issue slots.
double modelled_microseconds(const counters& counts) {
  const double bytes = 32.0 * double(counts.loads.sectors + counts.stores.sectors);
  const double issue_slots_per_microsecond = 4.0 * model.multiprocessors * model.clock_kilohertz / 1000.0;
  return std::max(bytes / model.bytes_per_microsecond, double(counts.warp_total()) / issue_slots_per_microsecond);
}

control::launch_record record_of(const kernel_work& launch, const report& result, run_place place) {
  const kernel_state& kernel = *launch.kernel;
  const auto threads = static_cast<int>(launch.block.x * launch.block.y * launch.block.z);
  control::launch_record record;
  record.kernel = kernel.readable_name;
  record.mangled_name = kernel.name;
  record.grid = launch.grid;
  record.block = launch.block;
  record.dynamic_shared_bytes = launch.dynamic_shared_bytes;
  record.static_shared_bytes = static_cast<std::size_t>(kernel.resources.static_shared_bytes);
  record.counts = result.counts;
  record.faults = result.faults.size();
  record.programmatic = launch.programmatic;
  record.in_graph = place.in_graph;
  record.stream = place.stream;
  record.registers = kernel.resources.registers;
  record.local_bytes = kernel.resources.local_bytes;
  record.local_loads = kernel.resources.local_loads;
  record.local_stores = kernel.resources.local_stores;
  record.ptx_local_bytes = kernel.code->local_bytes;
  record.blocks_per_multiprocessor = blocks_per_multiprocessor(kernel, threads, launch.dynamic_shared_bytes);
  const int warps = (threads + 31) / 32;
  record.occupancy = double(record.blocks_per_multiprocessor) * warps / (model.threads_per_multiprocessor / 32);
  return record;
}

// A planted failure of the execution, if this kernel is the one.
bool execution_fails(cudaError_t& error) {
  control_state& control = the().control;
  if (control.executions_left < 0 || --control.executions_left > 0) return false;
  control.executions_left = -1;
  error = control.execution_error;
  return true;
}

// Blocks of the launch that the named device holds at once.
std::uint64_t resident_blocks(const kernel_work& work) {
  const int each = blocks_per_multiprocessor(*work.kernel, int(work.block.x * work.block.y * work.block.z),
                                             work.dynamic_shared_bytes);
  return std::uint64_t(std::max(each, 1)) * std::uint64_t(model.multiprocessors);
}

touched run_kernel(const kernel_work& work, flight& in_flight, run_place place) {
  launch how;
  how.grid = {work.grid.x, work.grid.y, work.grid.z};
  how.block = {work.block.x, work.block.y, work.block.z};
  how.dynamic_shared_bytes = work.dynamic_shared_bytes;
  how.in_flight_writes = in_flight.until_wait.written;
  how.in_flight_reads = in_flight.until_wait.read;
  how.outlasting_writes = in_flight.outlasting.written;
  how.outlasting_reads = in_flight.outlasting.read;
  {
    lock_type lock(the().mutex);
    how.which = the().control.which;
    how.block_order = the().control.block_order;
    cudaError_t planted = cudaSuccess;
    if (execution_fails(planted)) {
      raise_fault(planted, "sim::runtime: " + work.kernel->readable_name + ": planted failure of its execution");
      return {};
    }
  }
  report result;
  try {
    how.resident_blocks = resident_blocks(work);
    result = run(*work.kernel->program->code, *work.kernel->code, how, work.parameters, the().device_memory);
  } catch (const std::exception& why) {
    fault_outside_kernels(cudaErrorLaunchFailure, work.kernel->readable_name + ": " + why.what());
    return {};
  }
  if (!result.printed.empty()) {
    std::fwrite(result.printed.data(), 1, result.printed.size(), stdout);
    std::fflush(stdout);
  }
  lock_type lock(the().mutex);
  context& state = the();
  state.clock += model.launch_microseconds + modelled_microseconds(result.counts);
  if (!result.faults.empty()) {
    std::string text = "sim::runtime: " + work.kernel->readable_name + " faulted:";
    for (const auto& found : result.faults) text += "\n  " + to_string(found);
    if (result.faults_left_out != 0) text += "\n  and " + std::to_string(result.faults_left_out) + " more";
    state.control.faults.insert(state.control.faults.end(), result.faults.begin(), result.faults.end());
    raise_fault(error_of(result.faults.front().kind), text);
  }
  ++state.control.launches_made;
  auto& kept = state.control.launches;
  if (kept.size() >= state.control.launches_kept)
    kept.erase(kept.begin(), kept.begin() + std::ptrdiff_t(kept.size() / 2));
  kept.push_back(record_of(work, result, place));
  log_counters(kept.back());
  touched bytes{std::move(result.written), std::move(result.read)};
  // The kernel ahead may still run when this one has only begun: both are in flight for the next, until its wait if
  // this one waited too.
  if (!result.waited) merge(in_flight.outlasting, std::exchange(in_flight.until_wait, {}));
  merge(in_flight.until_wait, bytes);
  simplify(in_flight.until_wait);
  simplify(in_flight.outlasting);
  return bytes;
}

void copy_bytes(std::byte* destination, const std::byte* source, std::size_t bytes) {
  memory& device = the().device_memory;
  const bool from = device.is_device_address(address_of(source)),
             to = device.is_device_address(address_of(destination));
  if (from && to)
    device.copy(address_of(destination), address_of(source), bytes);
  else if (to)
    device.write(address_of(destination), source, bytes);
  else if (from)
    device.read(destination, address_of(source), bytes);
  else
    std::memmove(destination, source, bytes);
}

// Device and pinned memory; ordinary host memory is the program's own affair.
bool is_tracked(const void* pointer) {
  lock_type lock(the().mutex);
  return the().device_memory.is_device_address(address_of(pointer)) ||
         the().blocks.holding(address_of(pointer)) != nullptr;
}

// Adds a row of bytes to a list of ranges. Neighbours grow together.
void note(std::vector<range>& ranges, const std::byte* row, std::size_t bytes) {
  const std::uint64_t begin = address_of(row);
  if (!ranges.empty() && ranges.back().end == begin)
    ranges.back().end += bytes;
  else
    ranges.push_back({begin, begin + bytes});
}

touched run_copy(const copy_work& copy) {
  touched bytes;
  memory& device = the().device_memory;
  try {
    const auto* staged = copy.staged ? copy.staged->data() : nullptr;
    const bool tracks_destination = is_tracked(copy.destination);
    const bool tracks_source = staged == nullptr && is_tracked(copy.source);
    for (std::size_t z = 0; z < copy.depth; ++z) {
      for (std::size_t y = 0; y < copy.height; ++y) {
        auto* const to =
            static_cast<std::byte*>(copy.destination) + (z * copy.destination_rows + y) * copy.destination_pitch;
        const auto* const from = staged != nullptr ? staged + (z * copy.height + y) * copy.width
                                                   : static_cast<const std::byte*>(copy.source) +
                                                         (z * copy.source_rows + y) * copy.source_pitch;
        if (device.is_device_address(address_of(from)) && !device.is_device_address(address_of(to)) &&
            !device.is_written(address_of(from), copy.width))
          throw error("a copy to the host reads device bytes that nothing has written: row " + std::to_string(y) +
                      ", " + std::to_string(copy.width) + " bytes from " + hexadecimal(address_of(from)));
        copy_bytes(to, from, copy.width);
        if (tracks_destination) note(bytes.written, to, copy.width);
        if (tracks_source) note(bytes.read, from, copy.width);
      }
    }
  } catch (const std::exception& why) {
    fault_outside_kernels(cudaErrorIllegalAddress, describe(copy) + ": " + why.what());
  }
  advance_clock(double(copy.bytes()) / model.bytes_per_microsecond);
  return bytes;
}

void fill_row(std::byte* row, const fill_work& fill) {
  memory& device = the().device_memory;
  const std::size_t bytes = fill.width * fill.element_bytes;
  if (fill.element_bytes == 1 && device.is_device_address(address_of(row)))
    return device.fill(address_of(row), static_cast<int>(fill.value), bytes);
  std::vector<std::byte> pattern(bytes);
  for (std::size_t i = 0; i < fill.width; ++i)
    std::memcpy(pattern.data() + i * fill.element_bytes, &fill.value, fill.element_bytes);
  copy_bytes(row, pattern.data(), bytes);
}

touched run_fill(const fill_work& fill) {
  touched bytes;
  try {
    for (std::size_t y = 0; y < fill.height; ++y) {
      auto* const row = static_cast<std::byte*>(fill.destination) + y * fill.pitch;
      fill_row(row, fill);
      note(bytes.written, row, fill.width * fill.element_bytes);
    }
  } catch (const std::exception& why) {
    fault_outside_kernels(cudaErrorIllegalAddress, describe(fill) + ": " + why.what());
  }
  advance_clock(double(fill.width * fill.element_bytes * fill.height) / model.bytes_per_microsecond);
  return bytes;
}

template <class Call>
void run_on_host(Call call) {
  inside_host_function() = true;
  call();
  inside_host_function() = false;
}

// An allocation writes its bytes, in the sense that no use of them may be unordered with it; so does a free.
touched run_allocation(const allocate_work& allocation) {
  try {
    the().device_memory.mark_unwritten(allocation.address, allocation.bytes);
  } catch (const std::exception& why) {
    fault_outside_kernels(cudaErrorIllegalAddress, describe(allocation) + ": " + why.what());
  }
  return {.written = {{allocation.address, allocation.address + allocation.bytes}}, .read = {}};
}

touched run_free(const free_work& freed) {
  context& state = the();
  lock_type lock(state.mutex);
  block* const found = state.blocks.at(freed.address);
  if (found == nullptr) {
    lock.unlock();
    fault_outside_kernels(cudaErrorIllegalAddress, "a queued free finds its memory gone");
    return {};
  }
  const range bytes{found->address, found->address + found->bytes};
  if (found->kind == block_kind::graph) {
    state.device_memory.mark_unwritten(found->address, found->bytes);
  } else {
    state.device_memory.free(found->address);
    state.blocks.remove(found->address, "cudaFreeAsync");
  }
  return {.written = {bytes}, .read = {}};
}

}  // namespace

cudaGraphNodeType node_type(const work& what) {
  return std::visit(overloaded{[](const kernel_work&) { return cudaGraphNodeTypeKernel; },
                               [](const copy_work&) { return cudaGraphNodeTypeMemcpy; },
                               [](const fill_work&) { return cudaGraphNodeTypeMemset; },
                               [](const host_work&) { return cudaGraphNodeTypeHost; },
                               [](const callback_work&) { return cudaGraphNodeTypeHost; },
                               [](const record_work&) { return cudaGraphNodeTypeEventRecord; },
                               [](const wait_work&) { return cudaGraphNodeTypeWaitEvent; },
                               [](const allocate_work&) { return cudaGraphNodeTypeMemAlloc; },
                               [](const free_work&) { return cudaGraphNodeTypeMemFree; },
                               [](const child_work&) { return cudaGraphNodeTypeGraph; },
                               [](const conditional_work&) { return cudaGraphNodeTypeConditional; },
                               [](const empty_work&) { return cudaGraphNodeTypeEmpty; }},
                    what);
}

std::string describe(const work& what) {
  return std::visit(
      overloaded{[](const kernel_work& w) { return "kernel " + w.kernel->readable_name; },
                 [](const copy_work& w) { return "copy of " + std::to_string(w.bytes()) + " bytes"; },
                 [](const fill_work& w) {
                   return "fill of " + std::to_string(w.width * w.element_bytes * w.height) + " bytes";
                 },
                 [](const host_work&) { return std::string("host function"); },
                 [](const callback_work&) { return std::string("callback"); },
                 [](const record_work&) { return std::string("event record"); },
                 [](const wait_work&) { return std::string("event wait"); },
                 [](const allocate_work& w) { return "allocation of " + std::to_string(w.bytes) + " bytes"; },
                 [](const free_work& w) { return "free of " + hexadecimal(w.address); },
                 [](const child_work&) { return std::string("child graph"); },
                 [](const conditional_work&) { return std::string("conditional"); },
                 [](const empty_work&) { return std::string("empty"); }},
      what);
}

namespace {

bool device_stopped() {
  lock_type lock(the().mutex);
  return the().sticky != cudaSuccess;
}

touched run_conditional(const conditional_work& work, run_place place) {
  const auto value = [&] {
    unsigned now = 0;
    the().device_memory.read(&now, work.handle, sizeof now);
    return now;
  };
  touched bytes{.written = {}, .read = {{work.handle, work.handle + sizeof(unsigned)}}};
  if (work.type == cudaGraphCondTypeWhile) {
    while (!device_stopped() && value() != 0) {
      merge(bytes, run_plan(*work.plans[0], place));
      simplify(bytes);
    }
    return bytes;
  }
  const std::size_t branch = work.type == cudaGraphCondTypeSwitch ? value() : value() != 0 ? 0 : 1;
  if (branch < work.plans.size()) merge(bytes, run_plan(*work.plans[branch], place));
  return bytes;
}

}  // namespace

touched execute(const work& what, flight& in_flight, run_place place) {
  return std::visit(
      overloaded{
          [&](const kernel_work& w) { return run_kernel(w, in_flight, place); },
          [&](const copy_work& w) { return run_copy(w); }, [&](const fill_work& w) { return run_fill(w); },
          [&](const host_work& w) {
            run_on_host([&] { w.function(w.argument); });
            return touched{};
          },
          [&](const callback_work& w) {
            run_on_host([&] { w.function(w.stream, cudaSuccess, w.argument); });
            return touched{};
          },
          [&](const record_work& w) {
            lock_type lock(the().mutex);
            if (w.time) *w.time = the().clock;
            return touched{};
          },
          [&](const allocate_work& w) { return run_allocation(w); }, [&](const free_work& w) { return run_free(w); },
          [&](const child_work& w) { return run_plan(*w.plan, place); },
          [&](const conditional_work& w) { return run_conditional(w, place); }, [&](const auto&) { return touched{}; }},
      what);
}

}  // namespace sim::runtime

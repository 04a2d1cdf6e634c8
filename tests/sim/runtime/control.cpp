// SPDX-License-Identifier: Apache-2.0
#include "control.hpp"

#include <stdexcept>
#include <utility>

#include "context.hpp"
#include "graph.hpp"
#include "pool.hpp"

namespace sim::control {

using runtime::lock_type;
using runtime::the;

std::vector<launch_record> launches() {
  lock_type lock(the().mutex);
  return the().control.launches;
}

launch_record launch_of(std::string_view name) {
  lock_type lock(the().mutex);
  const launch_record* found = nullptr;
  std::size_t count = 0;
  for (const auto& launch : the().control.launches)
    if (launch.kernel.find(name) != std::string::npos) found = &launch, ++count;
  if (count != 1)
    throw std::runtime_error("sim::control: expected one launch of \"" + std::string(name) + "\", " +
                             std::to_string(count) + " ran since the last reset");
  return *found;
}

std::uint64_t launch_count() {
  lock_type lock(the().mutex);
  return the().control.launches_made;
}

void reset() {
  lock_type lock(the().mutex);
  auto& control = the().control;
  control.launches.clear();
  control.launches_made = 0;
  control.calls.clear();
  control.total_calls = 0;
  control.plans.clear();
  control.last_failed.clear();
  control.executions_left = -1;
}

void fail(std::string_view name, long nth, cudaError_t error) {
  if (nth < 1) throw std::invalid_argument("sim::control::fail: calls are counted from 1");
  lock_type lock(the().mutex);
  the().control.plans.push_back({std::string(name), nth, error});
}

void fail_any(long nth, cudaError_t error) { fail("", nth, error); }

void fail_execution(long nth, cudaError_t error) {
  if (nth < 1) throw std::invalid_argument("sim::control::fail_execution: kernels are counted from 1");
  lock_type lock(the().mutex);
  the().control.executions_left = nth;
  the().control.execution_error = error;
}

void clear_failures() {
  lock_type lock(the().mutex);
  the().control.plans.clear();
  the().control.last_failed.clear();
  the().control.executions_left = -1;
}

long calls(std::string_view name) {
  lock_type lock(the().mutex);
  const auto found = the().control.calls.find(std::string(name));
  return found == the().control.calls.end() ? 0 : found->second;
}

long total_calls() {
  lock_type lock(the().mutex);
  return the().control.total_calls;
}

std::string last_failed() {
  lock_type lock(the().mutex);
  return the().control.last_failed;
}

alive live() {
  lock_type lock(the().mutex);
  const auto& state = the();
  alive found;
  for (const auto& [address, block] : state.blocks.live())
    if (block.kind != runtime::block_kind::graph) ++(block.on_host() ? found.host_allocations : found.allocations);
  found.streams = state.streams.live_streams();
  found.events = state.streams.live_events();
  found.graphs = state.graphs->live_graphs();
  found.graph_execs = state.graphs->live_execs();
  found.pools = state.pools->created();
  return found;
}

std::size_t live_bytes() {
  lock_type lock(the().mutex);
  std::size_t bytes = 0;
  for (const auto& [address, block] : the().blocks.live()) bytes += block.on_host() ? 0 : block.bytes;
  return bytes;
}

std::uint64_t released_bytes() {
  lock_type lock(the().mutex);
  return the().pools->released();
}

long for_each_failure(const std::function<void(long)>& body, cudaError_t error) {
  const auto settle = [] {
    lock_type lock(the().mutex);
    the().queue.finish_all(lock);
  };
  clear_failures();
  settle();
  const alive before = live();
  const auto check = [&](const std::string& during) {
    clear_failures();
    settle();
    const alive after = live();
    if (after == before) return;
    const auto difference = [](const char* what, std::size_t then, std::size_t now) {
      return then == now ? std::string() : " " + std::to_string(long(now) - long(then)) + " " + what;
    };
    throw std::runtime_error("sim::control::for_each_failure: " + during + " leaves behind" +
                             difference("device allocations", before.allocations, after.allocations) +
                             difference("host allocations", before.host_allocations, after.host_allocations) +
                             difference("streams", before.streams, after.streams) +
                             difference("events", before.events, after.events) +
                             difference("graphs", before.graphs, after.graphs) +
                             difference("executable graphs", before.graph_execs, after.graph_execs) +
                             difference("pools", before.pools, after.pools));
  };
  long first = total_calls();
  body(0);
  const long count = total_calls() - first;
  check("the run without a failure");
  long failed = 0;
  for (long nth = 1; nth <= count; ++nth) {
    fail_any(nth, error);
    body(nth);
    const std::string name = last_failed();
    if (!name.empty()) ++failed;
    check("a failure of call " + std::to_string(nth) + " (" + name + ")");
  }
  return failed;
}

std::vector<fault> take_faults() {
  lock_type lock(the().mutex);
  return std::exchange(the().control.faults, {});
}

void clear_faults() {
  lock_type lock(the().mutex);
  the().control.faults.clear();
  the().sticky = cudaSuccess;
  runtime::last_error() = cudaSuccess;
}

std::vector<std::string> take_complaints() {
  lock_type lock(the().mutex);
  return std::exchange(the().control.complaints, {});
}

void quiet(bool yes) {
  lock_type lock(the().mutex);
  the().control.quiet = yes;
}

void set_checks(checks which) {
  lock_type lock(the().mutex);
  the().control.which = which;
}

void set_block_order(std::uint64_t seed) {
  lock_type lock(the().mutex);
  the().control.block_order = seed;
}

void set_schedule(std::string_view schedule) {
  const auto parsed = runtime::schedule::parse(std::string(schedule));
  lock_type lock(the().mutex);
  the().queue.finish_all(lock);
  the().queue.set_schedule(parsed);
}

void set_early_launches(std::string_view rules) {
  const auto parsed = runtime::early_rules::parse(rules);
  lock_type lock(the().mutex);
  the().control.early = parsed;
}

void set_in_flight_counts(bool yes) {
  lock_type lock(the().mutex);
  the().control.in_flight_counts = yes;
}

void set_memory_capacity(std::size_t bytes) {
  lock_type lock(the().mutex);
  the().device_memory.set_capacity(bytes);
}

std::size_t pending_operations() {
  lock_type lock(the().mutex);
  return the().queue.pending();
}

}  // namespace sim::control

// SPDX-License-Identifier: Apache-2.0
#include "context.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "graph.hpp"
#include "pool.hpp"

namespace sim::runtime {
namespace {

schedule schedule_from_environment() {
  const char* text = std::getenv("FUSE_SIM_SCHEDULE");
  return schedule::parse(text != nullptr ? text : "late");
}

std::uint64_t block_order_from_environment() {
  const char* text = std::getenv("FUSE_SIM_BLOCK_ORDER");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 0;
}

early_rules early_rules_from_environment() {
  const char* text = std::getenv("FUSE_SIM_EARLY");
  return early_rules::parse(text != nullptr ? text : "");
}

bool setting_is(const char* name, const char* value) {
  const char* text = std::getenv(name);
  return text != nullptr && std::strcmp(text, value) == 0;
}

constexpr int status_of_failed_check = 3;

void finish_pending_work() {
  lock_type lock(the().mutex);
  the().queue.finish_all(lock);
}

// Runs after every static destructor of the program, so objects of static storage may still release what they hold.
__attribute__((destructor)) void check_at_exit() {
  context& state = the();
  lock_type lock(state.mutex);
  bool failed = false;
  if (!setting_is("FUSE_SIM_FAULTS", "ignore") && !state.control.faults.empty()) {
    std::fprintf(stderr, "sim::runtime: %zu device faults were reported and not taken by the test\n",
                 state.control.faults.size());
    failed = true;
  }
  if (!setting_is("FUSE_SIM_LEAKS", "ignore")) {
    for (const auto& [address, block] : state.blocks.live()) {
      if (block.kind == block_kind::graph) continue;  // it lives with its graph
      std::fprintf(stderr, "sim::runtime: leak: %zu bytes of %s at %s\n", block.bytes, block.origin.c_str(),
                   hexadecimal(address).c_str());
      failed = true;
    }
    const auto report = [&](std::size_t count, const char* what, const char* remedy) {
      if (count == 0) return;
      std::fprintf(stderr, "sim::runtime: leak: %zu %s never released by %s\n", count, what, remedy);
      failed = true;
    };
    report(state.streams.live_streams(), "streams", "cudaStreamDestroy");
    report(state.streams.live_events(), "events", "cudaEventDestroy");
    report(state.graphs->live_graphs(), "graphs", "cudaGraphDestroy");
    report(state.graphs->live_execs(), "executable graphs", "cudaGraphExecDestroy");
    report(state.pools->created(), "memory pools", "cudaMemPoolDestroy");
    if (failed && setting_is("FUSE_SIM_LEAKS", "report")) failed = false;
  }
  if (failed) {
    std::fflush(nullptr);
    _exit(status_of_failed_check);
  }
}

}  // namespace

context::context()
    : queue(mutex, schedule_from_environment()),
      pools(std::make_unique<pool_registry>()),
      graphs(std::make_unique<graph_registry>()) {
  control.block_order = block_order_from_environment();
  control.early = early_rules_from_environment();
  control.in_flight_counts = setting_is("FUSE_SIM_IN_FLIGHT", "counts");
}

context::~context() = default;

context& the() {
  static context* const instance = [] {
    auto* made = new context;
    std::atexit(finish_pending_work);
    return made;
  }();
  return *instance;
}

void complain(const std::string& text) {
  control_state& control = the().control;
  control.complaints.push_back(text);
  if (!control.quiet) std::fprintf(stderr, "%s\n", text.c_str());
}

void report_unordered(const access_conflict& found, const std::string& later, const char* remedy) {
  context& state = the();
  if (!has(state.control.which, checks::global_races)) return;
  fault told;
  told.kind = fault_kind::global_race;
  told.address = found.where.begin;
  told.message = later + (found.later_writes ? " writes" : " reads") + " what " + *found.earlier.what +
                 (found.earlier_writes ? " writes" : " reads") + " (" + state.blocks.tell(found.where.begin) +
                 "), and nothing orders the two: " + remedy;
  state.control.faults.push_back(told);
  raise_fault(cudaErrorLaunchFailure, "sim::runtime: unordered work: " + told.message);
}

void enter_history(const touched& what, const toucher& now, const vector_clock& clock) {
  const auto found = the().history.enter(what, now, [&](const toucher& earlier) {
    return the().retired_chains.contains(earlier.chain) || clock.covers(earlier.chain, earlier.number);
  });
  if (found)
    report_unordered(*found, *now.what, "record an event after the one and let the other's stream wait for it");
}

void raise_fault(cudaError_t error, const std::string& text) {
  context& state = the();
  if (!state.control.quiet) std::fprintf(stderr, "%s\n", text.c_str());
  if (state.sticky == cudaSuccess) state.sticky = error;
}

}  // namespace sim::runtime

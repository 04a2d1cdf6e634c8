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
      graphs(std::make_unique<graph_registry>()) {}

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

void raise_fault(cudaError_t error, const std::string& text) {
  context& state = the();
  if (!state.control.quiet) std::fprintf(stderr, "%s\n", text.c_str());
  if (state.sticky == cudaSuccess) state.sticky = error;
}

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
#include "entry.hpp"

#include <cstdio>
#include <string>
#include <string_view>

#include "context.hpp"

namespace sim::runtime {

cudaError_t& last_error() {
  thread_local cudaError_t error = cudaSuccess;
  return error;
}

bool& inside_host_function() {
  thread_local bool inside = false;
  return inside;
}

bool& planted_to_fail() {
  thread_local bool failing = false;
  return failing;
}

namespace detail {
namespace {

// The planted failure that this call must return, if one is due.
cudaError_t planted_failure(control_state& control, std::string_view name) {
  cudaError_t error = cudaSuccess;
  std::erase_if(control.plans, [&](control_state::plan& plan) {
    if (!plan.name.empty() && plan.name != name) return false;
    if (--plan.left > 0) return false;
    error = plan.error;
    return true;
  });
  if (error != cudaSuccess) control.last_failed = name;
  return error;
}

// A launch is counted under one name, whichever way nvcc or the program spells it.
std::string_view counted_name(std::string_view name) {
  if (name == "__cudaLaunchKernel" || name == "cudaLaunchKernelExC" || name == "cudaLaunchCooperativeKernel")
    return "cudaLaunchKernel";
  return name;
}

}  // namespace

// Takes no lock: the device may hold it while it calls.
cudaError_t refuse_in_host_function(const char* name) {
  std::fprintf(stderr,
               "sim::%s: a host function that the device calls may not call the runtime; do this from the thread that "
               "waits (cudaErrorNotPermitted)\n",
               name);
  return end_call(cudaErrorNotPermitted);
}

lock_type begin_call() { return lock_type(the().mutex); }

cudaError_t check_call(lock_type& lock, const char* name, call_rules rules) {
  context& state = the();
  state.queue.drift(lock);
  ++state.control.total_calls;
  ++state.control.calls[std::string(counted_name(name))];
  if (const auto error = planted_failure(state.control, counted_name(name)); error != cudaSuccess) return error;
  if (!rules.after_fault) check_device();
  if (rules.unsafe_in_capture || rules.unsettled_in_capture) refuse_unsafe_call(name);
  return cudaSuccess;
}

cudaError_t explain(const char* name, const refusal& why) {
  complain("sim::" + std::string(counted_name(name)) + ": " + why.message + " (" + cudaGetErrorName(why.code) + ")");
  return why.code;
}

cudaError_t explain_unexpected(const char* name, const std::exception& why) {
  complain("sim::" + std::string(counted_name(name)) + ": " + why.what());
  return dynamic_cast<const std::bad_alloc*>(&why) != nullptr ? cudaErrorMemoryAllocation : cudaErrorUnknown;
}

cudaError_t end_call(cudaError_t status) {
  if (status != cudaSuccess) last_error() = status;
  return status;
}

}  // namespace detail
}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// How an entry point of the runtime is written:
//
//   cudaError_t cudaFree(void* pointer) {
//     return entry(__func__, {.unsafe_in_capture = true, .releases = true}, [&](lock_type& lock) { ...; return
//     cudaSuccess; });
//   }
//
// entry() takes the runtime's lock, counts the call, plants failures, refuses what a fault, a capture or a host
// function forbids, and records the calling thread's last error. The body returns an error code, or throws a refusal.
#pragma once

#include <cuda_runtime_api.h>

#include <exception>
#include <string>
#include <utility>

#include "scheduler.hpp"

namespace sim::runtime {

struct call_rules {
  bool unsafe_in_capture = false;  // forbidden while the thread's capture mode protects a capture in progress
  // The documents do not say whether it is one of those, and others of its kind are known to be: refused like them.
  bool unsettled_in_capture = false;
  bool releases = false;     // a planted failure is reported after the work is done: what was held is released
  bool after_fault = false;  // works on a device that has faulted
};

// Ends an entry point with an error. The message says what was wrong; it goes to standard error unless control::quiet.
struct refusal : std::exception {
  cudaError_t code;
  std::string message;
  refusal(cudaError_t code, std::string message) : code(code), message(std::move(message)) {}
  const char* what() const noexcept override { return message.c_str(); }
};

// An error that needs no words: a query that is not ready, a planted failure.
struct plain_error {
  cudaError_t code;
};

inline void require(bool condition, cudaError_t code, const char* message) {
  if (!condition) throw refusal(code, message);
}

// True while the body of a releasing call runs although the call is planted to fail: it must hand nothing out.
bool& planted_to_fail();

// The calling thread's error of the last failed call.
cudaError_t& last_error();

namespace detail {
lock_type begin_call();
cudaError_t refuse_in_host_function(const char* name);
// The planted failure of this call, or success. Throws where the rules forbid the call.
cudaError_t check_call(lock_type& lock, const char* name, call_rules rules);
cudaError_t explain(const char* name, const refusal& why);
cudaError_t explain_unexpected(const char* name, const std::exception& why);
cudaError_t end_call(cudaError_t status);
}  // namespace detail

// True while this thread runs a host function, or a destructor, that the device calls.
bool& inside_host_function();

template <class Body>
cudaError_t entry(const char* name, call_rules rules, Body body) {
  if (inside_host_function()) return detail::refuse_in_host_function(name);
  lock_type lock = detail::begin_call();
  cudaError_t planted = cudaSuccess, status = cudaSuccess;
  try {
    planted = detail::check_call(lock, name, rules);
    planted_to_fail() = planted != cudaSuccess;
    if (planted == cudaSuccess || rules.releases) status = body(lock);
  } catch (const refusal& why) {
    status = detail::explain(name, why);
  } catch (const plain_error& why) {
    status = why.code;
  } catch (const std::exception& why) {
    status = detail::explain_unexpected(name, why);
  }
  return detail::end_call(planted == cudaSuccess ? status : planted);
}

}  // namespace sim::runtime

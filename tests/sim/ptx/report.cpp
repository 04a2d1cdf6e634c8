// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <cstdio>
#include <numeric>

namespace sim {

std::string_view name(fault_kind kind) {
  switch (kind) {
    case fault_kind::out_of_bounds:
      return "out_of_bounds";
    case fault_kind::misaligned:
      return "misaligned";
    case fault_kind::unwritten:
      return "unwritten";
    case fault_kind::read_only:
      return "read_only";
    case fault_kind::shared_race:
      return "shared_race";
    case fault_kind::global_race:
      return "global_race";
    case fault_kind::barrier_divergence:
      return "barrier_divergence";
    case fault_kind::deadlock:
      return "deadlock";
    case fault_kind::inactive_lane:
      return "inactive_lane";
    case fault_kind::async_read:
      return "async_read";
    case fault_kind::early_dependent_access:
      return "early_dependent_access";
    case fault_kind::trap:
      return "trap";
    case fault_kind::assertion:
      return "assertion";
    case fault_kind::driver_crash:
      return "driver_crash";
  }
  return "unknown";
}

std::string_view name(instruction_kind kind) {
  switch (kind) {
    case instruction_kind::integer:
      return "integer";
    case instruction_kind::f32:
      return "f32";
    case instruction_kind::f64:
      return "f64";
    case instruction_kind::f16:
      return "f16";
    case instruction_kind::conversion:
      return "conversion";
    case instruction_kind::special:
      return "special";
    case instruction_kind::matrix:
      return "matrix";
    case instruction_kind::memory:
      return "memory";
    case instruction_kind::control:
      return "control";
    case instruction_kind::barrier:
      return "barrier";
    case instruction_kind::exchange:
      return "exchange";
    case instruction_kind::count_:
      break;
  }
  return "unknown";
}

std::string to_string(const fault& what) {
  const auto triple = [](const std::array<unsigned, 3>& v) {
    return std::string("(") + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," + std::to_string(v[2]) + ")";
  };
  std::string text = "sim: " + std::string(name(what.kind)) + ": " + what.kernel + ", ptx line " +
                     std::to_string(what.line) + " `" + what.instruction + "`, block " + triple(what.block) +
                     ", thread " + triple(what.thread);
  if (what.address != 0) {
    char hex[32];
    std::snprintf(hex, sizeof hex, "%#llx", static_cast<unsigned long long>(what.address));
    text += ", address ";
    text += hex;
  }
  return what.message.empty() ? text : text + ": " + what.message;
}

std::uint64_t counters::thread_total() const {
  return std::accumulate(thread_instructions.begin(), thread_instructions.end(), std::uint64_t{0});
}
std::uint64_t counters::warp_total() const {
  return std::accumulate(warp_instructions.begin(), warp_instructions.end(), std::uint64_t{0});
}

}  // namespace sim

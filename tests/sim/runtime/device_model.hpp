// SPDX-License-Identifier: Apache-2.0
// The figures of the device that is simulated.
#pragma once

#include <cstddef>

namespace sim::runtime {

// Source: NVIDIA H200 and H100 data sheets, CUDA programming guide (technical specifications of compute
// capability 9.0).
struct device_model {
  const char* name = "NVIDIA H200 (simulated)";
  int major = 9, minor = 0;
  int multiprocessors = 132;
  int threads_per_block = 1024;
  int threads_per_multiprocessor = 2048;
  int blocks_per_multiprocessor = 32;
  int registers_per_multiprocessor = 65536;
  std::size_t shared_per_block = 48 * 1024;
  std::size_t shared_per_block_optin = 227 * 1024;
  std::size_t shared_per_multiprocessor = 228 * 1024;
  std::size_t shared_reserved_per_block = 1024;
  int l2_bytes = 50 * 1024 * 1024;
  int memory_bus_bits = 6144;
  int clock_kilohertz = 1980000;
  double bytes_per_microsecond = 4.8e6;  // of device memory
  double launch_microseconds = 2.0;      // the model's cost of starting any piece of work
};

inline constexpr device_model model{};

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// What ptxas decided about a kernel, read from the cubin (an ELF file) beside the PTX in the fat binary.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace sim::runtime {

struct kernel_resources {
  int registers = 0;            // per thread
  int local_bytes = 0;          // stack frame per thread: local arrays and spills
  int static_shared_bytes = 0;  // per block, without the 1 KiB that the system reserves on sm_90
  int constant_bytes = 0;       // user constants (bank 3) of the whole module
  int max_threads = 1024;       // __launch_bounds__, or the hardware limit
  int local_loads = 0;          // LDL instructions in the machine code: reloads of spills, reads of local arrays
  int local_stores = 0;         // STL instructions
};

// Resources of every kernel of a cubin, by mangled name. Throws std::runtime_error on a file that is not a 64-bit ELF.
std::map<std::string, kernel_resources> read_cubin(std::span<const std::byte> elf);

}  // namespace sim::runtime

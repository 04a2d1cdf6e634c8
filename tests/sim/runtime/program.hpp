// SPDX-License-Identifier: Apache-2.0
// The device code of the program: what nvcc's start-up code registers, parsed when first used.
#pragma once

#include <cuda_runtime_api.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "../ptx/machine.hpp"
#include "cubin.hpp"

namespace sim::runtime {

// One fat binary: one translation unit's device code.
struct program_state {
  const void* wrapper = nullptr;
  std::optional<module> code;  // after load()
  std::map<std::string, kernel_resources> resources;
  bool has_cubin = false;
  int number = 0;
};

struct kernel_state {
  program_state* program = nullptr;
  const void* stub = nullptr;       // the host function that stands for it
  std::string name, readable_name;  // mangled; demangled without its parameter list
  const kernel* code = nullptr;     // after resolve
  kernel_resources resources;
  int max_dynamic_shared = -1;  // cudaFuncSetAttribute; negative: the default
  int shared_carveout = -1;
  bool non_portable_cluster_allowed = false;
  bool has_resources = false;  // a cubin was beside the PTX
};

struct symbol_state {
  program_state* program = nullptr;
  std::string name;
  std::size_t bytes = 0;
  bool constant = false;
};

class program_registry {
 public:
  program_state* add(const void* wrapper);
  void remove(program_state* program);
  void add_kernel(program_state* program, const void* stub, const char* name);
  void add_symbol(program_state* program, const void* shadow, symbol_state symbol);

  // By a stub's address or a cudaKernel_t, resolved. Throws a refusal (invalid device function).
  kernel_state& kernel_of(const void* function);
  // Without loading its code.
  kernel_state* registered(const void* stub);
  // The device address of a variable's shadow. Throws a refusal (invalid symbol).
  std::uint64_t address_of_symbol(const void* shadow, std::size_t* bytes);

 private:
  void load(program_state& program);
  std::map<program_state*, std::unique_ptr<program_state>> programs_;
  std::map<const void*, std::unique_ptr<kernel_state>> kernels_;  // by stub
  std::map<const void*, const void*> handles_;                    // kernel_state to stub
  std::map<const void*, symbol_state> symbols_;                   // by shadow variable
  int registered_ = 0;
};

std::string readable(const std::string& mangled);

}  // namespace sim::runtime

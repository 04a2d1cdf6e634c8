// SPDX-License-Identifier: Apache-2.0
// A PTX module: its kernels and its variables. Bodies are decoded when a kernel first runs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "error.hpp"

namespace sim {

class memory;

struct parameter {
  std::string name;
  std::size_t offset = 0, size = 0, alignment = 1;
};

struct kernel {
  std::string name;  ///< mangled
  std::vector<parameter> parameters;
  std::size_t parameter_bytes = 0;
  std::size_t static_shared_bytes = 0;
  std::size_t local_bytes = 0;                 ///< per thread: what PTX declares; ptxas may add spills
  unsigned max_threads = 0;                    ///< product of .maxntid, 0 without one
  std::array<unsigned, 3> required_threads{};  ///< .reqntid, 0 without one
  unsigned min_blocks = 0;                     ///< .minnctapersm, 0 without one
  int line = 0;                                ///< of its .entry
  std::size_t index = 0;                       ///< in module::kernels()
};

/// A variable of module scope.
struct variable {
  std::string name;
  std::size_t bytes = 0, alignment = 1;
  bool constant = false;  ///< .const, else .global
};

class module {
 public:
  /// @param name for messages only. @throws sim::error when the text is no PTX module.
  static module parse(std::string_view ptx, std::string name);

  const std::string& name() const;
  const std::vector<kernel>& kernels() const;
  const kernel* find(std::string_view mangled_name) const;  ///< null where there is none
  const std::vector<variable>& variables() const;

  /// Puts the variables into `device`, with their initialisers; a second call for the same memory does nothing.
  void load(memory& device) const;
  /// The device address of a variable, after load. @throws sim::error for an unknown name.
  std::uint64_t symbol(std::string_view variable_name, memory& device) const;

  /// Decodes a kernel now, without running it. @throws sim::error for an opcode that the machine does not know.
  void decode(const kernel& entry, memory& device) const;

  struct contents;
  const std::shared_ptr<contents>& inside() const { return contents_; }

 private:
  std::shared_ptr<contents> contents_;
};

}  // namespace sim

// SPDX-License-Identifier: Apache-2.0
// What a kernel is decoded into: compact instructions that name a handler and the places of their operands.
//
// A register is an array of 32 lanes, of 4 bytes each (types up to 32 bits) or 8 (64 bits; 128 bits are two such
// arrays). Constants and special registers are arrays too, so that a handler reads every operand the same way. A
// predicate is one 32-bit mask, a bit a lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "parse.hpp"
#include "report.hpp"

namespace sim::ptx {

struct warp;
struct instruction;

enum class flow : int {
  next,  ///< go on with the following instruction
  jump,  ///< the handler set warp::pc and warp::active
  stop   ///< the running lanes wait or have left: choose others
};
using handler = flow (*)(warp&, const instruction&, std::uint32_t mask);

constexpr unsigned lanes = 32;
constexpr std::uint32_t all_lanes = ~std::uint32_t{0};

/// Where arrays live: registers and thread coordinates of the warp, constants of the program, coordinates of the block.
enum class bank : std::uint32_t { registers, constants, block, thread };

struct operand {
  std::uint32_t bits = 0;
  static constexpr operand in(bank where, std::uint32_t offset) { return {std::uint32_t(where) << 29 | offset}; }
  constexpr std::uint32_t where() const { return bits >> 29; }
  constexpr std::uint32_t offset() const { return bits & 0x1fffffff; }
};

struct instruction {
  handler execute = nullptr;
  operand d, a, b, c, e;     ///< result and sources; a handler says what else it puts there
  operand predicate;         ///< executes where this mask holds, when `guarded`
  std::uint32_t target = 0;  ///< branch target, or first index into program::operands
  std::uint32_t source = 0;  ///< index into program::sources
  std::int64_t offset = 0;   ///< address offset, or another immediate
  std::uint8_t kind = 0;     ///< instruction_kind; instruction_kinds for helper steps that are not counted
  bool guarded = false, negated = false;
  std::uint8_t small[5] = {};  ///< what the handler's family defines
};

struct source_line {
  int line = 0;
  std::string_view text;
};

/// A device function that is called through a pointer: its address is its index + 1.
struct callee {
  std::uint32_t begin = 0;
  operand return_slot;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> parameters, returns;  ///< local offset, bytes
};

struct program {
  std::vector<instruction> code;
  std::vector<operand> operands;     ///< lists of vector operands
  std::vector<std::byte> constants;  ///< 64-byte aligned by the reader: see constants_begin
  std::vector<source_line> sources;
  std::vector<std::vector<std::uint32_t>> jump_tables;
  std::vector<callee> callees;  ///< by index among the module's functions
  std::size_t register_bytes = 0, local_bytes = 0, shared_bytes = 0;
  bool communicates = false;                          ///< blocks can see each other's progress or their order
  unsigned shared_granule = 16, global_granule = 16;  ///< the narrowest access
  std::shared_ptr<module::contents> keeps_text;

  const std::byte* constants_begin() const {
    return reinterpret_cast<const std::byte*>((reinterpret_cast<std::uintptr_t>(constants.data()) + 63) &
                                              ~std::uintptr_t{63});
  }
};

// Generic addresses of the windows: above what a host or device address can be.
constexpr std::uint64_t shared_window = std::uint64_t{1} << 56;
constexpr std::uint64_t local_window = std::uint64_t{2} << 56;
constexpr std::uint64_t parameter_window = std::uint64_t{3} << 56;
constexpr std::uint64_t window_mask = std::uint64_t{0xff} << 56;

}  // namespace sim::ptx

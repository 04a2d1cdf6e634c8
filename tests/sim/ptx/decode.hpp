// SPDX-License-Identifier: Apache-2.0
// From statements to instructions. Every opcode family has a table of rows (opcode, decoding function); adding an
// opcode is a row in its family's table and the handler that the row's function picks.
//
//   1. write the handler in the family's .cpp (lanes.hpp has the loop over lanes);
//   2. write or reuse a decoding function: take the modifiers, read the operands, emit;
//   3. add the row.
//
// A decoding function must take every modifier it obeys: what is left over is an error, never ignored.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "instruction.hpp"

namespace sim {
class memory;
}

namespace sim::ptx {

enum class type : unsigned char {
  none,
  pred,
  b8,
  b16,
  b32,
  b64,
  b128,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  f16x2,
  bf16,
  bf16x2,
  f32,
  f64,
  tf32,
  e4m3x2,
  e5m2x2
};
type type_named(std::string_view name);
unsigned bytes_of(type t);
/// Bytes a lane of a register that holds the type: 4, 8 or 16.
unsigned slot_of(type t);
constexpr bool is_signed(type t) { return t >= type::s8 && t <= type::s64; }
constexpr bool is_float(type t) { return t >= type::f16 && t <= type::tf32; }

/// One instruction's text, taken apart.
struct line {
  int number = 0;
  std::string_view text, opcode;
  std::vector<std::string_view> modifiers, operands;
  bool guarded = false, negated = false;
  operand predicate;

  bool take(std::string_view modifier);
  /// The first of `choices` that is there, taken; none: empty.
  std::string_view take_any(std::initializer_list<std::string_view> choices);
  type take_type();  ///< the first modifier that names a type; none: type::none
  [[noreturn]] void fail(const std::string& why) const;
  std::string_view at(std::size_t k) const;  ///< operand k, or an error
};

struct address {
  space where = space::none;  ///< of a symbol; none for a register or a number
  std::optional<operand> base;
  unsigned base_bytes = 8;
  std::int64_t offset = 0;
};

class decoder {
 public:
  decoder(module::contents& from, const kernel& entry, module::contents::loaded& where);
  std::shared_ptr<const program> run();

  // Operands. `t` fixes the slot (4 or 8 bytes a lane) and how a literal is read; a register of another width is
  // converted by a helper step.
  operand source(line& l, std::string_view text, type t);
  operand destination(line& l, std::string_view text, type t);
  operand predicate_source(line& l, std::string_view text);
  operand predicate_destination(line& l, std::string_view text);
  address memory_operand(line& l, std::string_view text);
  operand constant(std::uint64_t value, unsigned slot_bytes);
  operand temporary(unsigned slot_bytes);
  unsigned register_bytes(std::string_view text);  ///< slot bytes of a register; 0 for anything else
  static std::vector<std::string_view> vector_elements(std::string_view text);
  std::uint32_t list(const std::vector<operand>& operands);

  instruction& emit(const line& l, handler execute, instruction_kind kind, operand d = {}, operand a = {},
                    operand b = {}, operand c = {}, operand e = {});
  /// A step that is not counted, before or after the instruction proper.
  instruction& emit_helper(const line& l, handler execute, operand d = {}, operand a = {}, operand b = {});

  // Control flow, for its family.
  void branch_to(const line& l, std::string_view label, std::uint32_t code_index);
  std::uint32_t jump_table(const line& l, std::string_view label);
  void call(line& l);
  bool in_entry() const { return frame_->is_entry; }
  operand return_slot() const { return frame_->return_slot; }
  program& made() { return *program_; }
  void note_shared_width(unsigned bytes);
  void note_global_width(unsigned bytes);
  void communicates() { program_->communicates = true; }

 private:
  struct found_register {
    std::uint32_t offset = 0;
    unsigned slot = 0;  ///< 4, 8, 16; 1 for a predicate
  };
  struct family {
    std::string_view prefix;
    std::uint64_t count = 0;
    unsigned slot = 0;
  };
  struct scope {
    std::uint32_t id = 0, parent = 0;
    std::unordered_map<std::string_view, found_register> registers;
    std::vector<family> families;
    std::unordered_map<std::string_view, std::pair<space, std::uint32_t>> variables;
    std::uint32_t parameter_mark = 0;
  };
  struct compiled {
    bool is_entry = false;
    std::size_t index = 0;
    std::uint32_t begin = 0;
    operand return_slot;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> parameters, returns;  ///< local offset, bytes
  };
  struct label_use {
    std::uint32_t instruction = 0, scope = 0;
    std::string_view label;
    int line = 0;
    bool in_table = false;
    std::uint32_t table = 0, entry = 0;
  };

  void compile(std::size_t function_index, compiled& into);
  compiled& callable(std::size_t function_index);
  void directive(const statement& s, std::string_view last_label);
  void instruct(const statement& s);
  std::optional<found_register> find_register(std::string_view name);
  std::optional<std::pair<space, std::uint64_t>> find_symbol(std::string_view name);
  std::uint32_t take_register(unsigned slot);
  std::uint32_t take_local(std::size_t bytes, std::size_t alignment);
  std::uint32_t take_shared(std::size_t bytes, std::size_t alignment);
  void resolve_labels();

  module::contents& from_;
  const kernel& entry_;
  module::contents::loaded& loaded_;
  std::shared_ptr<program> program_;
  std::vector<scope> scopes_;
  std::vector<std::uint32_t> scope_parents_;
  std::vector<std::unordered_map<std::string_view, std::uint32_t>> labels_;  ///< by scope id
  std::vector<label_use> uses_;
  std::unordered_map<std::string_view, std::uint32_t> tables_;
  std::unordered_map<std::size_t, compiled> functions_;
  std::vector<std::size_t> to_compile_, stack_;
  std::vector<std::pair<std::uint32_t, std::size_t>> call_fixups_;
  std::unordered_map<std::string_view, std::uint32_t> module_shared_;
  std::vector<std::pair<std::uint32_t, unsigned>> dynamic_shared_uses_;  ///< constant offsets to patch
  std::size_t dynamic_alignment_ = 16;
  std::uint32_t place_constant(std::uint64_t value, unsigned slot_bytes);
  std::map<std::pair<std::uint64_t, unsigned>, std::uint32_t> pool_, dynamic_pool_;
  std::vector<instruction> after_;
  compiled* frame_ = nullptr;
  std::map<std::size_t, std::vector<std::size_t>> calls_;
};

struct opcode_row {
  std::string_view opcode;
  void (*decode)(decoder&, line&);
};
// The families, each in the file of its name.
std::span<const opcode_row> integer_opcodes();
std::span<const opcode_row> bit_opcodes();
std::span<const opcode_row> product_opcodes();
std::span<const opcode_row> carry_opcodes();
std::span<const opcode_row> floating_opcodes();
std::span<const opcode_row> special_opcodes();
std::span<const opcode_row> compare_opcodes();
std::span<const opcode_row> move_opcodes();
std::span<const opcode_row> convert_opcodes();
std::span<const opcode_row> memory_opcodes();
std::span<const opcode_row> atomic_opcodes();
std::span<const opcode_row> async_opcodes();
std::span<const opcode_row> control_opcodes();
std::span<const opcode_row> barrier_opcodes();
std::span<const opcode_row> exchange_opcodes();
std::span<const opcode_row> matrix_opcodes();

/// A special register that does not change while a block runs. Its lanes lie in `where` at `slot` x 256 bytes.
struct coordinate {
  std::string_view name;
  bank where;
  unsigned slot;
  unsigned slot_bytes;
};
std::span<const coordinate> coordinates();
constexpr unsigned block_coordinates = 20, thread_coordinates = 12;

/// Calls that the machine itself answers.
handler external_function(std::string_view name);

}  // namespace sim::ptx

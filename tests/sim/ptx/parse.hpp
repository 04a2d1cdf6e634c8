// SPDX-License-Identifier: Apache-2.0
// The text of a module, split: functions with the extent of their bodies, variables, and, inside a body, statements.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "module.hpp"

namespace sim::ptx {

struct program;

/// A value that initialises a variable: a number, or the address of a symbol.
struct initial_value {
  std::uint64_t bits = 0;  ///< the number, or what is added to the address
  std::string_view symbol;
};

enum class space : unsigned char { generic, global, shared, local, constant, parameter, none };

/// A declaration `.space .align 8 .b8 name[16] = {...}` without its initialiser's placement.
struct declaration {
  std::string_view name;
  space where = space::none;
  std::size_t alignment = 1, element = 1, bytes = 0;
  bool external = false;
  std::vector<initial_value> values;  ///< each of `element` bytes
};

struct function {
  std::string_view name;
  bool entry = false;
  std::vector<declaration> returns, parameters;
  std::string_view body;  ///< between the outer braces; empty for a declaration
  int line = 0, body_line = 0;
};

struct statement {
  enum class form : unsigned char { instruction, label, open, close, directive };
  form what = form::instruction;
  std::string_view text;  ///< without the closing `;` or `:`
  int line = 0;
};

/// Splits a body into statements, in order. Braces of vector operands stay inside their statement.
std::vector<statement> split_body(std::string_view body, int first_line);

/// Reads `.align 8 .b8 name[16]`, several names apart by commas. @throws sim::error naming `line`.
std::vector<declaration> read_declaration(std::string_view text, space where, int line);

std::string_view trim(std::string_view text);
/// Splits at commas outside of brackets.
std::vector<std::string_view> split_list(std::string_view text);
/// The bytes of `.u32`, `.f64`, `.b8`, ... without the dot; 0 when the name is no such type.
std::size_t type_bytes(std::string_view type);
/// Integer (decimal, hexadecimal, octal, binary, U suffix), 0f/0d or decimal floating literal.
struct literal {
  std::uint64_t bits = 0;
  enum class form : unsigned char { integer, f32, f64 } what = form::integer;
};
std::optional<literal> read_literal(std::string_view text);

[[noreturn]] void fail(int line, std::string_view text, const std::string& why);

}  // namespace sim::ptx

struct sim::module::contents {
  std::string name, text;  // comments blanked out, lines kept
  std::vector<kernel> kernels;
  std::vector<variable> variables;
  std::vector<ptx::declaration> globals;  // .global and .const, in order
  std::vector<ptx::declaration> shareds;  // module-scope .shared
  std::vector<ptx::function> functions;
  std::unordered_map<std::string_view, std::size_t> function_index, global_index, shared_index;
  std::unordered_map<std::string_view, std::size_t> kernel_index;
  std::vector<std::size_t> kernel_function;  // by kernel::index

  struct loaded {
    std::unordered_map<std::string_view, std::uint64_t> address;
    std::map<std::size_t, std::shared_ptr<const ptx::program>> programs;  // by kernel::index
  };
  std::mutex mutex;
  std::map<std::uint64_t, loaded> by_memory;  // by memory::serial

  loaded& loaded_in(memory& device);  // with the mutex held
  std::shared_ptr<const ptx::program> program_of(const kernel& entry, memory& device);
};

// SPDX-License-Identifier: Apache-2.0
// PTX types, and an instruction's text taken apart.
#include <algorithm>

#include "decode.hpp"

namespace sim::ptx {

type type_named(std::string_view name) {
  static const std::unordered_map<std::string_view, type> names = {
      {"pred", type::pred}, {"b8", type::b8},         {"b16", type::b16},       {"b32", type::b32},
      {"b64", type::b64},   {"b128", type::b128},     {"u8", type::u8},         {"u16", type::u16},
      {"u32", type::u32},   {"u64", type::u64},       {"s8", type::s8},         {"s16", type::s16},
      {"s32", type::s32},   {"s64", type::s64},       {"f16", type::f16},       {"f16x2", type::f16x2},
      {"bf16", type::bf16}, {"bf16x2", type::bf16x2}, {"f32", type::f32},       {"f64", type::f64},
      {"tf32", type::tf32}, {"e4m3x2", type::e4m3x2}, {"e5m2x2", type::e5m2x2},
  };
  const auto at = names.find(name);
  return at == names.end() ? type::none : at->second;
}

unsigned bytes_of(type t) {
  switch (t) {
    case type::pred:
    case type::b8:
    case type::u8:
    case type::s8:
      return 1;
    case type::b16:
    case type::u16:
    case type::s16:
    case type::f16:
    case type::bf16:
    case type::e4m3x2:
    case type::e5m2x2:
      return 2;
    case type::b32:
    case type::u32:
    case type::s32:
    case type::f16x2:
    case type::bf16x2:
    case type::f32:
    case type::tf32:
      return 4;
    case type::b64:
    case type::u64:
    case type::s64:
    case type::f64:
      return 8;
    case type::b128:
      return 16;
    case type::none:
      break;
  }
  return 0;
}

bool line::take(std::string_view modifier) {
  const auto at = std::find(modifiers.begin(), modifiers.end(), modifier);
  if (at == modifiers.end()) return false;
  modifiers.erase(at);
  return true;
}

std::string_view line::take_any(std::initializer_list<std::string_view> choices) {
  for (const auto choice : choices)
    if (take(choice)) return choice;
  return {};
}

type line::take_type() {
  for (auto at = modifiers.begin(); at != modifiers.end(); ++at)
    if (const auto t = type_named(*at); t != type::none) {
      modifiers.erase(at);
      return t;
    }
  return type::none;
}

void line::fail(const std::string& why) const { ptx::fail(number, text, why); }

std::string_view line::at(std::size_t k) const {
  if (k >= operands.size()) fail("operand " + std::to_string(k + 1) + " is missing");
  return operands[k];
}

unsigned slot_of(type t) {
  const unsigned bytes = bytes_of(t);
  return bytes <= 4 ? 4 : bytes;
}

}  // namespace sim::ptx

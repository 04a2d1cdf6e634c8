// SPDX-License-Identifier: Apache-2.0
// The decoder's reading of operands: registers, literals, special registers, symbols, addresses.
#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>
#include <cstring>

#include "control.hpp"
#include "decode.hpp"

namespace sim::ptx {

std::optional<decoder::found_register> decoder::find_register(std::string_view name) {
  for (auto s = scopes_.rbegin(); s != scopes_.rend(); ++s) {
    if (const auto at = s->registers.find(name); at != s->registers.end()) return at->second;
    if (s->families.empty()) continue;
    auto digits = name.size();
    while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])) != 0) --digits;
    if (digits == name.size()) continue;
    const auto number = std::strtoull(std::string(name.substr(digits)).c_str(), nullptr, 10);
    for (const auto& f : s->families)
      if (f.prefix == name.substr(0, digits) && number < f.count) {
        const found_register made{take_register(f.slot), f.slot};
        s->registers.emplace(name, made);
        return made;
      }
  }
  return std::nullopt;
}

std::optional<std::pair<space, std::uint64_t>> decoder::find_symbol(std::string_view name) {
  for (auto s = scopes_.rbegin(); s != scopes_.rend(); ++s)
    if (const auto at = s->variables.find(name); at != s->variables.end()) return at->second;
  if (const auto at = from_.shared_index.find(name); at != from_.shared_index.end()) {
    const auto& d = from_.shareds[at->second];
    if (const auto known = module_shared_.find(name); known != module_shared_.end())
      return {{space::shared, known->second}};
    const auto offset = take_shared(d.bytes, d.alignment);
    module_shared_.emplace(name, offset);
    return {{space::shared, offset}};
  }
  if (const auto at = from_.global_index.find(name); at != from_.global_index.end()) {
    const auto& d = from_.globals[at->second];
    const auto address = loaded_.address.find(name);
    if (address == loaded_.address.end()) return std::nullopt;
    return {{d.where, address->second}};
  }
  return std::nullopt;
}

unsigned decoder::register_bytes(std::string_view text) {
  const auto found = find_register(text);
  return found ? found->slot : 0;
}

std::vector<std::string_view> decoder::vector_elements(std::string_view text) {
  text = trim(text);
  if (text.empty() || text[0] != '{') return {text};
  return split_list(text.substr(1, text.rfind('}') - 1));
}

operand decoder::source(line& l, std::string_view text, type t) {
  const unsigned slot = slot_of(t);
  if (const auto found = find_register(text)) {
    const auto plain = operand::in(bank::registers, found->offset);
    if (found->slot == slot) return plain;
    if (found->slot == 1) l.fail("a predicate stands where a value is expected");
    if (found->slot == 8 && slot == 4) {
      const auto narrowed = temporary(4);
      emit_helper(l, narrow_step, narrowed, plain);
      return narrowed;
    }
    if (found->slot == 4 && slot == 8) {
      const auto widened = temporary(8);
      emit_helper(l, widen_step, widened, plain);
      return widened;
    }
    l.fail("register " + std::string(text) + " is too narrow for the instruction's type");
  }
  for (const auto& c : coordinates())
    if (c.name == text) {
      const auto plain = operand::in(c.where, c.slot * 256);
      if (c.slot_bytes == slot) return plain;
      const auto converted = temporary(slot);
      emit_helper(l, slot == 8 ? widen_step : narrow_step, converted, plain);
      return converted;
    }
  if (const auto number = read_literal(text)) {
    std::uint64_t bits = number->bits;
    if (t == type::f32) {
      if (number->what == literal::form::f64) bits = std::bit_cast<std::uint32_t>(float(std::bit_cast<double>(bits)));
      if (number->what == literal::form::integer) bits = std::bit_cast<std::uint32_t>(float(std::int64_t(bits)));
    } else if (t == type::f64) {
      if (number->what == literal::form::f32)
        bits = std::bit_cast<std::uint64_t>(double(std::bit_cast<float>(std::uint32_t(bits))));
      if (number->what == literal::form::integer) bits = std::bit_cast<std::uint64_t>(double(std::int64_t(bits)));
    } else if (bytes_of(t) == 2) {
      bits &= 0xffff;
    }
    return constant(bits, slot);
  }
  std::uint64_t added = 0;
  std::string_view name = text;
  if (const auto plus = text.find('+'); plus != std::string_view::npos) {
    const auto number = read_literal(trim(text.substr(plus + 1)));
    if (!number) l.fail("cannot read operand " + std::string(text));
    added = number->bits;
    name = trim(text.substr(0, plus));
  }
  const auto shared = from_.shared_index.find(name);
  const bool hidden =
      std::any_of(scopes_.begin(), scopes_.end(), [&](const scope& s) { return s.variables.count(name) != 0; });
  if (shared != from_.shared_index.end() && !hidden && from_.shareds[shared->second].bytes == 0) {
    // Dynamic shared memory begins where the static part ends, which is known when all is decoded.
    dynamic_alignment_ = std::max(dynamic_alignment_, from_.shareds[shared->second].alignment);
    const auto [at, fresh] = dynamic_pool_.try_emplace({added, slot}, 0);
    if (fresh) {
      at->second = place_constant(added, slot);
      dynamic_shared_uses_.push_back({at->second, slot});
    }
    return operand::in(bank::constants, at->second);
  }
  if (const auto symbol = find_symbol(name)) return constant(symbol->second + added, slot);
  if (const auto called = from_.function_index.find(name);
      called != from_.function_index.end() && !from_.functions[called->second].body.empty()) {
    callable(called->second);
    return constant(called->second + 1, slot);  // a function's address: never 0
  }
  l.fail("operand " + std::string(text) + " is not known");
}

operand decoder::destination(line& l, std::string_view text, type t) {
  const unsigned slot = slot_of(t);
  if (text == "_") return temporary(slot);
  const auto found = find_register(text);
  if (!found) l.fail("register " + std::string(text) + " is not declared");
  const auto plain = operand::in(bank::registers, found->offset);
  if (found->slot == slot) return plain;
  if (found->slot == 8 && slot == 4) {
    const auto narrow = temporary(4);
    instruction step;
    step.execute = is_signed(t) ? sign_extend_step : widen_step;
    step.d = plain;
    step.a = narrow;
    after_.push_back(step);
    return narrow;
  }
  l.fail("register " + std::string(text) + " does not fit the instruction's type");
}

operand decoder::predicate_source(line& l, std::string_view text) {
  const bool negated = !text.empty() && text[0] == '!';
  const auto name = trim(negated ? text.substr(1) : text);
  if (const auto number = read_literal(name))
    return constant((number->bits != 0) != negated ? ~std::uint64_t{0} : 0, 4);
  const auto found = find_register(name);
  if (!found || found->slot != 1) l.fail("predicate " + std::string(text) + " is not declared");
  const auto plain = operand::in(bank::registers, found->offset);
  if (!negated) return plain;
  const auto inverted = operand::in(bank::registers, take_register(1));
  emit_helper(l, invert_step, inverted, plain);
  return inverted;
}

operand decoder::predicate_destination(line& l, std::string_view text) {
  if (text == "_") return operand::in(bank::registers, take_register(1));
  const auto found = find_register(text);
  if (!found || found->slot != 1) l.fail("predicate " + std::string(text) + " is not declared");
  return operand::in(bank::registers, found->offset);
}

address decoder::memory_operand(line& l, std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') l.fail("an address in brackets is expected");
  std::string_view base = trim(text.substr(1, text.size() - 2));
  address result;
  if (const auto sign = base.find_first_of("+-", 1); sign != std::string_view::npos) {
    const auto number = read_literal(trim(base.substr(base[sign] == '+' ? sign + 1 : sign)));
    if (!number) l.fail("cannot read the address offset");
    result.offset = std::int64_t(number->bits);
    base = trim(base.substr(0, sign));
  }
  if (const auto found = find_register(base)) {
    result.base = operand::in(bank::registers, found->offset);
    result.base_bytes = found->slot;
    if (found->slot != 4 && found->slot != 8) l.fail("a register of 32 or 64 bits is expected as address");
    return result;
  }
  if (const auto number = read_literal(base)) {
    result.offset += std::int64_t(number->bits);
    return result;
  }
  const auto shared = from_.shared_index.find(base);
  if (shared != from_.shared_index.end() && from_.shareds[shared->second].bytes == 0) {
    result.where = space::shared;
    result.base = source(l, base, type::u64);
    return result;
  }
  const auto symbol = find_symbol(base);
  if (!symbol) l.fail("symbol " + std::string(base) + " is not known");
  result.where = symbol->first;
  result.offset += std::int64_t(symbol->second);
  return result;
}

namespace {
constexpr coordinate coordinate_rows[] = {
    {"%ctaid.x", bank::block, 0, 4},          {"%ctaid.y", bank::block, 1, 4},
    {"%ctaid.z", bank::block, 2, 4},          {"%nctaid.x", bank::block, 3, 4},
    {"%nctaid.y", bank::block, 4, 4},         {"%nctaid.z", bank::block, 5, 4},
    {"%ntid.x", bank::block, 6, 4},           {"%ntid.y", bank::block, 7, 4},
    {"%ntid.z", bank::block, 8, 4},           {"%smid", bank::block, 9, 4},
    {"%nsmid", bank::block, 10, 4},           {"%nwarpid", bank::block, 11, 4},
    {"%gridid", bank::block, 12, 8},          {"%dynamic_smem_size", bank::block, 13, 4},
    {"%total_smem_size", bank::block, 14, 4}, {"%cluster_ctaid.x", bank::block, 15, 4},
    {"%cluster_ctarank", bank::block, 15, 4}, {"%envreg0", bank::block, 15, 4},
    {"%envreg1", bank::block, 15, 4},         {"%envreg2", bank::block, 15, 4},
    {"%tid.x", bank::thread, 0, 4},           {"%tid.y", bank::thread, 1, 4},
    {"%tid.z", bank::thread, 2, 4},           {"%laneid", bank::thread, 3, 4},
    {"%warpid", bank::thread, 4, 4},          {"%lanemask_eq", bank::thread, 5, 4},
    {"%lanemask_le", bank::thread, 6, 4},     {"%lanemask_lt", bank::thread, 7, 4},
    {"%lanemask_ge", bank::thread, 8, 4},     {"%lanemask_gt", bank::thread, 9, 4},
};
}  // namespace

std::span<const coordinate> coordinates() { return coordinate_rows; }

}  // namespace sim::ptx

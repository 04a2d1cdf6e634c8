// SPDX-License-Identifier: Apache-2.0
#include "decode.hpp"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>

#include "control.hpp"
#include "memory.hpp"

namespace sim::ptx {
namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};

unsigned slot_of(type t) {
  const unsigned bytes = bytes_of(t);
  return bytes <= 4 ? 4 : bytes;
}

const opcode_row* find_opcode(std::string_view name) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const opcode_row*> all;
    for (const auto rows :
         {integer_opcodes(), carry_opcodes(), floating_opcodes(), special_opcodes(), compare_opcodes(), move_opcodes(),
          convert_opcodes(), memory_opcodes(), atomic_opcodes(), async_opcodes(), control_opcodes(), barrier_opcodes(),
          exchange_opcodes(), matrix_opcodes()})
      for (const auto& row : rows) all.emplace(row.opcode, &row);
    return all;
  }();
  const auto at = table.find(name);
  return at == table.end() ? nullptr : at->second;
}

}  // namespace

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

decoder::decoder(module::contents& from, const kernel& entry, module::contents::loaded& where)
    : from_(from), entry_(entry), loaded_(where), program_(std::make_shared<program>()) {}

std::shared_ptr<const program> decoder::run() {
  const std::size_t root = from_.kernel_function.at(entry_.index);
  compiled entry;
  entry.is_entry = true;
  entry.index = root;
  program_->constants.resize(128);
  compile(root, entry);
  while (!to_compile_.empty()) {
    const auto next = to_compile_.back();
    to_compile_.pop_back();
    compile(next, functions_.at(next));
  }
  for (const auto& [index, f] : functions_) program_->callees[index].begin = f.begin;
  for (const auto& [at, index] : call_fixups_) program_->code[at].target = functions_.at(index).begin;
  // Registers are static to a function, so a cycle of calls has no place for them.
  std::map<std::size_t, int> state;
  const auto visit = [&](const auto& self, std::size_t f) -> void {
    state[f] = 1;
    for (const auto callee : calls_[f]) {
      if (state[callee] == 1)
        fail(from_.functions[callee].line, from_.functions[callee].name, "recursive functions are not known");
      if (state[callee] == 0) self(self, callee);
    }
    state[f] = 2;
  };
  visit(visit, root);
  auto& shared = program_->shared_bytes;
  if (!dynamic_shared_uses_.empty())
    shared = (shared + dynamic_alignment_ - 1) / dynamic_alignment_ * dynamic_alignment_;
  for (const auto& [offset, slot_bytes] : dynamic_shared_uses_)
    for (unsigned l = 0; l < lanes; ++l) {
      std::uint64_t value = 0;
      std::byte* at = program_->constants.data() + offset + l * slot_bytes;
      std::memcpy(&value, at, slot_bytes);
      value += shared;
      std::memcpy(at, &value, slot_bytes);
    }
  // The reader of the constants aligns them; leave room.
  std::vector<std::byte> aligned(program_->constants.size() + 64);
  program_->constants.swap(aligned);
  std::memcpy(const_cast<std::byte*>(program_->constants_begin()), aligned.data(), aligned.size());
  return program_;
}

std::uint32_t decoder::take_register(unsigned slot) {
  auto& bytes = program_->register_bytes;
  if (slot == 1) {
    const auto at = bytes;
    bytes += 64;  // one line each: predicates are few
    return std::uint32_t(at);
  }
  const auto at = (bytes + 63) / 64 * 64;
  bytes = at + std::size_t{slot} * lanes;
  return std::uint32_t(at);
}

std::uint32_t decoder::take_local(std::size_t bytes, std::size_t alignment) {
  auto& total = program_->local_bytes;
  total = (total + alignment - 1) / alignment * alignment;
  const auto at = total;
  total += bytes;
  return std::uint32_t(at);
}

std::uint32_t decoder::take_shared(std::size_t bytes, std::size_t alignment) {
  auto& total = program_->shared_bytes;
  total = (total + alignment - 1) / alignment * alignment;
  const auto at = total;
  total += bytes;
  return std::uint32_t(at);
}

operand decoder::constant(std::uint64_t value, unsigned slot_bytes) {
  if (slot_bytes == 4) value &= 0xffffffffu;
  auto [at, fresh] = pool_.try_emplace({value, slot_bytes}, 0);
  if (fresh) at->second = place_constant(value, slot_bytes);
  return operand::in(bank::constants, at->second);
}

std::uint32_t decoder::place_constant(std::uint64_t value, unsigned slot_bytes) {
  auto& bytes = program_->constants;
  const std::size_t at = (bytes.size() + 63) / 64 * 64;
  bytes.resize(at + std::size_t{slot_bytes} * lanes);
  for (unsigned l = 0; l < lanes; ++l)
    std::memcpy(bytes.data() + at + std::size_t{l} * slot_bytes, &value, std::min(slot_bytes, 8u));
  return std::uint32_t(at);
}

operand decoder::temporary(unsigned slot_bytes) { return operand::in(bank::registers, take_register(slot_bytes)); }

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

std::uint32_t decoder::list(const std::vector<operand>& operands) {
  const auto at = std::uint32_t(program_->operands.size());
  program_->operands.insert(program_->operands.end(), operands.begin(), operands.end());
  return at;
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

instruction& decoder::emit(const line& l, handler execute, instruction_kind kind, operand d, operand a, operand b,
                           operand c, operand e) {
  instruction& made = emit_helper(l, execute, d, a, b);
  made.c = c;
  made.e = e;
  made.kind = std::uint8_t(kind);
  return made;
}

instruction& decoder::emit_helper(const line& l, handler execute, operand d, operand a, operand b) {
  instruction made;
  made.execute = execute;
  made.kind = std::uint8_t(instruction_kinds);
  made.d = d;
  made.a = a;
  made.b = b;
  made.guarded = l.guarded;
  made.negated = l.negated;
  made.predicate = l.predicate;
  made.source = std::uint32_t(program_->sources.size() - 1);
  program_->code.push_back(made);
  return program_->code.back();
}

void decoder::note_shared_width(unsigned bytes) {
  program_->shared_granule = std::min(program_->shared_granule, bytes);
}
void decoder::note_global_width(unsigned bytes) {
  program_->global_granule = std::min(program_->global_granule, bytes);
}

void decoder::branch_to(const line& l, std::string_view label, std::uint32_t code_index) {
  uses_.push_back({code_index, scopes_.back().id, label, l.number, false, 0, 0});
}

std::uint32_t decoder::jump_table(const line& l, std::string_view label) {
  const auto at = tables_.find(label);
  if (at == tables_.end()) l.fail("no .branchtargets named " + std::string(label));
  return at->second;
}

decoder::compiled& decoder::callable(std::size_t index) {
  auto [at, fresh] = functions_.try_emplace(index);
  if (!fresh) return at->second;
  auto& made = at->second;
  made.index = index;
  made.return_slot = temporary(4);
  const auto place = [&](const std::vector<declaration>& all) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places;
    for (const auto& d : all)
      places.push_back({take_local(d.bytes, std::max<std::size_t>(d.alignment, 8)), std::uint32_t(d.bytes)});
    return places;
  };
  made.parameters = place(from_.functions[index].parameters);
  made.returns = place(from_.functions[index].returns);
  auto& table = program_->callees;
  if (table.size() <= index) table.resize(index + 1);
  table[index].return_slot = made.return_slot;
  table[index].parameters = made.parameters;
  table[index].returns = made.returns;
  to_compile_.push_back(index);
  return made;
}

void decoder::call(line& l) {
  std::vector<std::string_view> results, arguments;
  std::size_t k = 0;
  const auto in_parentheses = [&](std::string_view text) { return split_list(text.substr(1, text.rfind(')') - 1)); };
  if (l.at(0).substr(0, 1) == "(") results = in_parentheses(l.operands[k++]);
  const auto name = l.at(k++);
  if (k < l.operands.size() && l.operands[k].substr(0, 1) == "(") arguments = in_parentheses(l.operands[k++]);
  std::erase(arguments, std::string_view{});
  std::erase(results, std::string_view{});
  const auto local_of = [&](std::string_view variable) {
    const auto symbol = find_symbol(variable);
    if (!symbol || symbol->first != space::local)
      l.fail("argument " + std::string(variable) + " is no .param variable");
    return std::uint32_t(symbol->second);
  };
  if (const auto external = external_function(name)) {
    std::vector<operand> places;
    for (const auto a : arguments) places.push_back({local_of(a)});
    const auto first = list(places);
    auto& made = emit(l, external, instruction_kind::control);
    made.target = first;
    made.e.bits = results.empty() ? 0 : local_of(results[0]);
    made.small[0] = results.empty() ? 0 : 1;
    return;
  }
  const auto index = from_.function_index.find(name);
  if (index == from_.function_index.end()) {
    const auto pointer = source(l, name, type::u64);
    std::vector<operand> places;
    for (const auto a : arguments) places.push_back({local_of(a)});
    for (const auto r : results) places.push_back({local_of(r)});
    const auto first = list(places);
    auto& made = emit(l, indirect_call_step, instruction_kind::control, {}, pointer);
    made.target = first;
    made.small[0] = std::uint8_t(arguments.size());
    made.small[1] = std::uint8_t(results.size());
    auto& back = emit_helper(l, indirect_results_step, {}, pointer);
    back.target = first + std::uint32_t(arguments.size());
    back.small[1] = std::uint8_t(results.size());
    return;
  }
  if (from_.functions[index->second].body.empty())
    l.fail("function " + std::string(name) + " is declared only; link it into the module");
  const auto& callee = callable(index->second);
  if (callee.parameters.size() != arguments.size() || callee.returns.size() != results.size())
    l.fail("the call's arguments do not match the function");
  calls_[stack_.back()].push_back(index->second);
  for (std::size_t a = 0; a < arguments.size(); ++a) {
    auto& copy = emit_helper(l, copy_local_step);
    copy.d.bits = callee.parameters[a].first;
    copy.a.bits = local_of(arguments[a]);
    copy.offset = callee.parameters[a].second;
  }
  const auto slot = callee.return_slot;
  emit(l, call_step, instruction_kind::control, slot);
  call_fixups_.push_back({std::uint32_t(program_->code.size() - 1), index->second});
  for (std::size_t r = 0; r < results.size(); ++r) {
    auto& copy = emit_helper(l, copy_local_step);
    copy.d.bits = local_of(results[r]);
    copy.a.bits = functions_.at(index->second).returns[r].first;
    copy.offset = functions_.at(index->second).returns[r].second;
  }
}

void decoder::directive(const statement& s, std::string_view last_label) {
  const auto end = std::min(s.text.find_first_of(" \t\r\n.", 1), s.text.size());
  const auto what = s.text.substr(0, end);
  const auto rest = trim(s.text.substr(end));
  auto& here = scopes_.back();
  if (what == ".reg") {
    const auto stop = std::min(rest.find_first_of(" \t\r\n"), rest.size());
    const auto t = type_named(rest.substr(1, stop - 1));
    if (t == type::none) ptx::fail(s.line, s.text, "this register type is not known");
    const unsigned slot = t == type::pred ? 1 : slot_of(t);
    for (const auto one : split_list(rest.substr(stop))) {
      if (const auto angle = one.find('<'); angle != std::string_view::npos) {
        const auto count = read_literal(one.substr(angle + 1, one.find('>') - angle - 1));
        here.families.push_back({one.substr(0, angle), count.value_or(literal{}).bits, slot});
      } else {
        here.registers[one] = {take_register(slot), slot};
      }
    }
  } else if (what == ".local" || what == ".param") {
    for (const auto& d : read_declaration(rest, space::local, s.line))
      here.variables[d.name] = {space::local, take_local(d.bytes, std::max<std::size_t>(d.alignment, 8))};
  } else if (what == ".shared") {
    for (const auto& d : read_declaration(rest, space::shared, s.line))
      here.variables[d.name] = {space::shared, take_shared(d.bytes, d.alignment)};
  } else if (what == ".branchtargets") {
    const auto table = std::uint32_t(program_->jump_tables.size());
    const auto targets = split_list(rest);
    program_->jump_tables.emplace_back(targets.size());
    for (std::uint32_t k = 0; k < targets.size(); ++k)
      uses_.push_back({0, here.id, targets[k], s.line, true, table, k});
    tables_[last_label] = table;
  } else if (what == ".callprototype") {
    // says what a call through a pointer passes, which the callee's declaration says as well
  } else if (what != ".pragma" && what != ".loc" && what != ".file") {
    ptx::fail(s.line, s.text, "this directive is not known in a body");
  }
}

void decoder::instruct(const statement& s) {
  line l;
  l.number = s.line;
  l.text = s.text;
  std::string_view rest = s.text;
  program_->sources.push_back({s.line, s.text});
  if (rest[0] == '@') {
    const auto end = std::min(rest.find_first_of(" \t\r\n"), rest.size());
    auto name = rest.substr(1, end - 1);
    l.negated = !name.empty() && name[0] == '!';
    if (l.negated) name.remove_prefix(1);
    const auto found = find_register(name);
    if (!found || found->slot != 1) l.fail("predicate " + std::string(name) + " is not declared");
    l.predicate = operand::in(bank::registers, found->offset);
    l.guarded = true;
    rest = trim(rest.substr(end));
  }
  const auto end = std::min(rest.find_first_of(" \t\r\n{[("), rest.size());
  auto head = rest.substr(0, end);
  rest = trim(rest.substr(end));
  for (std::size_t begin = 0; begin <= head.size();) {
    const auto dot = std::min(head.find('.', begin), head.size());
    const auto word = head.substr(begin, dot - begin);
    if (begin == 0)
      l.opcode = word;
    else
      l.modifiers.push_back(word);
    begin = dot + 1;
  }
  if (!rest.empty()) l.operands = split_list(rest);
  const auto* row = find_opcode(l.opcode);
  if (row == nullptr) l.fail("opcode " + std::string(l.opcode) + " is not known; a row in its family's table adds it");
  row->decode(*this, l);
  if (!l.modifiers.empty()) l.fail("modifier ." + std::string(l.modifiers.front()) + " is not known here");
  for (auto& step : after_) {
    const auto execute = step.execute;
    emit_helper(l, execute, step.d, step.a);
  }
  after_.clear();
}

void decoder::compile(std::size_t function_index, compiled& into) {
  const auto& f = from_.functions[function_index];
  frame_ = &into;
  stack_.push_back(function_index);
  into.begin = std::uint32_t(program_->code.size());
  scopes_.clear();
  uses_.clear();
  tables_.clear();
  labels_.assign(1, {});
  scope_parents_.assign(1, none);
  scopes_.emplace_back();
  const auto bind = [&](const std::vector<declaration>& names,
                        const std::vector<std::pair<std::uint32_t, std::uint32_t>>& places) {
    for (std::size_t k = 0; k < names.size(); ++k)
      scopes_.back().variables[names[k].name] = {space::local, places[k].first};
  };
  if (into.is_entry) {
    for (std::size_t k = 0; k < f.parameters.size(); ++k)
      scopes_.back().variables[f.parameters[k].name] = {space::parameter, std::uint32_t(entry_.parameters[k].offset)};
  } else {
    bind(f.parameters, into.parameters);
    bind(f.returns, into.returns);
  }
  std::string_view last_label;
  for (const auto& s : split_body(f.body, f.body_line)) {
    switch (s.what) {
      case statement::form::open: {
        scope inner;
        inner.id = std::uint32_t(labels_.size());
        scope_parents_.push_back(scopes_.back().id);
        labels_.emplace_back();
        scopes_.push_back(std::move(inner));
        break;
      }
      case statement::form::close:
        if (scopes_.size() < 2) ptx::fail(s.line, s.text, "a brace closes nothing");
        scopes_.pop_back();
        break;
      case statement::form::label:
        labels_[scopes_.back().id][s.text] = std::uint32_t(program_->code.size());
        last_label = s.text;
        break;
      case statement::form::directive:
        directive(s, last_label);
        break;
      case statement::form::instruction:
        instruct(s);
        break;
    }
  }
  // A body may end without ret.
  program_->sources.push_back({f.body_line, "ret"});
  line closing;
  closing.opcode = "ret";
  closing.text = "ret";
  emit_helper(closing, into.is_entry ? exit_step : return_step, into.return_slot);
  resolve_labels();
  stack_.pop_back();
}

void decoder::resolve_labels() {
  for (const auto& use : uses_) {
    std::uint32_t target = none;
    for (auto s = use.scope; s != none && target == none; s = scope_parents_[s])
      if (const auto at = labels_[s].find(use.label); at != labels_[s].end()) target = at->second;
    if (target == none) ptx::fail(use.line, use.label, "label is not known");
    if (use.in_table)
      program_->jump_tables[use.table][use.entry] = target;
    else
      program_->code[use.instruction].target = target;
  }
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

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

const opcode_row* find_opcode(std::string_view name) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const opcode_row*> all;
    for (const auto rows :
         {integer_opcodes(), bit_opcodes(), product_opcodes(), carry_opcodes(), floating_opcodes(), special_opcodes(),
          compare_opcodes(), move_opcodes(), convert_opcodes(), memory_opcodes(), atomic_opcodes(), async_opcodes(),
          control_opcodes(), barrier_opcodes(), exchange_opcodes(), matrix_opcodes()})
      for (const auto& row : rows) all.emplace(row.opcode, &row);
    return all;
  }();
  const auto at = table.find(name);
  return at == table.end() ? nullptr : at->second;
}

}  // namespace

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

std::uint32_t decoder::list(const std::vector<operand>& operands) {
  const auto at = std::uint32_t(program_->operands.size());
  program_->operands.insert(program_->operands.end(), operands.begin(), operands.end());
  return at;
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

}  // namespace sim::ptx

// SPDX-License-Identifier: Apache-2.0
#include "parse.hpp"

#include <bit>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <set>

namespace sim {
namespace ptx {

void fail(int line, std::string_view text, const std::string& why) {
  throw error("sim: ptx line " + std::to_string(line) + " `" + std::string(trim(text)) + "`: " + why);
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '(' || c == '[') ++depth;
    if (c == '}' || c == ')' || c == ']') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  if (const auto last = trim(text.substr(begin)); !last.empty() || !parts.empty()) parts.push_back(last);
  return parts;
}

std::size_t type_bytes(std::string_view type) {
  if (type == "pred") return 1;
  if (type == "f16x2" || type == "bf16x2") return 4;
  if (type == "bf16") return 2;
  if (type.size() < 2 || std::string_view("busf").find(type[0]) == std::string_view::npos) return 0;
  const auto digits = type.substr(1);
  if (digits == "8") return 1;
  if (digits == "16") return 2;
  if (digits == "32") return 4;
  if (digits == "64") return 8;
  if (digits == "128") return 16;
  return 0;
}

std::optional<literal> read_literal(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const bool negative = text[0] == '-';
  std::string_view body = negative ? text.substr(1) : text;
  if (body.empty() || std::isdigit(static_cast<unsigned char>(body[0])) == 0) {
    if (text == "WARP_SZ") return literal{32, literal::form::integer};
    return std::nullopt;
  }
  if (body.size() > 2 && body[0] == '0' && std::strchr("fFdD", body[1]) != nullptr) {
    const std::string digits(body.substr(2));
    char* end = nullptr;
    std::uint64_t bits = std::strtoull(digits.c_str(), &end, 16);
    if (*end != 0) return std::nullopt;
    const bool single = body[1] == 'f' || body[1] == 'F';
    if (negative) bits ^= std::uint64_t{1} << (single ? 31 : 63);
    return literal{bits, single ? literal::form::f32 : literal::form::f64};
  }
  const bool hexadecimal = body.size() > 2 && body[0] == '0' && (body[1] == 'x' || body[1] == 'X');
  if (!hexadecimal && body.find_first_of(".eE") != std::string_view::npos) {
    const std::string digits(text);
    char* end = nullptr;
    const double value = std::strtod(digits.c_str(), &end);
    if (*end != 0) return std::nullopt;
    return literal{std::bit_cast<std::uint64_t>(value), literal::form::f64};
  }
  if (body.back() == 'U' || body.back() == 'u') body.remove_suffix(1);
  int base = 10;
  if (hexadecimal)
    base = 16, body.remove_prefix(2);
  else if (body.size() > 2 && body[0] == '0' && (body[1] == 'b' || body[1] == 'B'))
    base = 2, body.remove_prefix(2);
  else if (body.size() > 1 && body[0] == '0')
    base = 8, body.remove_prefix(1);
  const std::string digits(body);
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(digits.c_str(), &end, base);
  if (digits.empty() || *end != 0) return std::nullopt;
  return literal{negative ? 0 - value : value, literal::form::integer};
}

std::vector<statement> split_body(std::string_view body, int line) {
  std::vector<statement> all;
  std::size_t begin = 0;
  int begin_line = line, depth = 0;
  bool started = false, quoted = false;
  const auto finish = [&](std::size_t end, statement::form what) {
    const auto text = trim(body.substr(begin, end - begin));
    if (!text.empty())
      all.push_back({what == statement::form::instruction && text[0] == '.' ? statement::form::directive : what, text,
                     begin_line});
    begin = end + 1;
    started = false;
  };
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\n') ++line;
    if (quoted) {
      quoted = c != '"';
      continue;
    }
    if (!started) {
      if (std::isspace(static_cast<unsigned char>(c)) != 0) continue;
      if (c == '{' || c == '}') {
        all.push_back({c == '{' ? statement::form::open : statement::form::close, body.substr(i, 1), line});
        begin = i + 1;
        continue;
      }
      started = true;
      begin = i;
      begin_line = line;
      depth = 0;
    }
    if (c == '"') quoted = true;
    if (c == '{' || c == '[' || c == '(') ++depth;
    if (c == '}' || c == ']' || c == ')') --depth;
    if (c == ';') {
      finish(i, statement::form::instruction);
    } else if (c == ':' && depth == 0) {
      if (i + 1 < body.size() && body[i + 1] == ':')
        ++i;  // a modifier such as .L1::no_allocate
      else
        finish(i, statement::form::label);
    }
  }
  if (!trim(body.substr(std::min(begin, body.size()))).empty())
    fail(begin_line, body.substr(begin, 60), "statement without an end");
  return all;
}

std::vector<declaration> read_declaration(std::string_view text, space where, int line) {
  declaration shape;
  shape.where = where;
  std::string_view rest = trim(text);
  std::size_t vector = 1;
  bool typed = false;
  while (!rest.empty() && rest[0] == '.') {
    const auto end = std::min(rest.find_first_of(" \t\r\n"), rest.size());
    const auto word = rest.substr(1, end - 1);
    rest = trim(rest.substr(end));
    if (word == "align") {
      const auto stop = std::min(rest.find_first_of(" \t\r\n"), rest.size());
      const auto value = read_literal(rest.substr(0, stop));
      if (!value) fail(line, text, ".align without a number");
      shape.alignment = value->bits;
      rest = trim(rest.substr(stop));
    } else if (word == "v2" || word == "v4") {
      vector = std::size_t(word[1] - '0');
    } else if (const auto bytes = type_bytes(word); bytes != 0) {
      shape.element = bytes;
      typed = true;
    } else if (word == "ptr" || word == "global" || word == "const" || word == "shared" || word == "local" ||
               word == "attribute") {
      // what a pointer parameter points at: no matter here
    } else {
      fail(line, text, "directive ." + std::string(word) + " is not known in a declaration");
    }
  }
  if (!typed) fail(line, text, "declaration without a type");
  shape.alignment = std::max(shape.alignment, std::min<std::size_t>(shape.element * vector, 16));
  std::vector<declaration> all;
  for (const auto one : split_list(rest)) {
    declaration made = shape;
    const auto equal = one.find('=');
    const auto head = trim(one.substr(0, equal));
    const auto bracket = head.find('[');
    made.name = trim(head.substr(0, bracket));
    std::size_t count = vector;
    for (auto at = bracket; at != std::string_view::npos; at = head.find('[', at + 1)) {
      const auto inside = trim(head.substr(at + 1, head.find(']', at) - at - 1));
      const auto value = read_literal(inside);
      count = value ? count * value->bits : 0;
    }
    made.bytes = made.element * count;
    if (equal != std::string_view::npos) {
      std::string flat(one.substr(equal + 1));  // nested braces say no more than the order does
      for (const auto item : split_list([&] {
             auto view = trim(one.substr(equal + 1));
             if (!view.empty() && view[0] == '{') view = view.substr(1, view.rfind('}') - 1);
             return view;
           }())) {
        std::vector<std::string_view> todo{item};
        while (!todo.empty()) {
          auto value = trim(todo.back());
          todo.pop_back();
          if (value.empty()) continue;
          if (value[0] == '{') {
            auto inner = split_list(value.substr(1, value.rfind('}') - 1));
            todo.insert(todo.end(), inner.rbegin(), inner.rend());
            continue;
          }
          if (const auto number = read_literal(value)) {
            std::uint64_t bits = number->bits;
            if (number->what == literal::form::f64 && made.element == 4)
              bits = std::bit_cast<std::uint32_t>(float(std::bit_cast<double>(bits)));
            made.values.push_back({bits, {}});
            continue;
          }
          initial_value address;
          const auto plus = value.find('+');
          if (plus != std::string_view::npos) {
            const auto added = read_literal(trim(value.substr(plus + 1)));
            if (!added) fail(line, text, "cannot read the initialiser");
            address.bits = added->bits;
            value = trim(value.substr(0, plus));
          }
          if (value.substr(0, 7) == "generic")
            value = trim(value.substr(value.find('(') + 1, value.rfind(')') - value.find('(') - 1));
          if (value.find('(') != std::string_view::npos || made.element != 8)
            fail(line, text, "this form of initialiser is not known");
          address.symbol = value;
          made.values.push_back(address);
        }
      }
      if (count == 0) made.bytes = made.element * made.values.size();
    }
    all.push_back(std::move(made));
  }
  return all;
}

namespace {

// The comments become blanks, so that views into the text need no care and lines keep their numbers.
std::string without_comments(std::string_view ptx) {
  std::string text(ptx);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\0') text[i] = ' ';
    if (quoted) continue;
    if (text.compare(i, 2, "//") == 0)
      while (i < text.size() && text[i] != '\n') text[i++] = ' ';
    else if (text.compare(i, 2, "/*") == 0) {
      const auto end = std::min(text.find("*/", i + 2), text.size() - 2) + 2;
      for (; i < end; ++i)
        if (text[i] != '\n') text[i] = ' ';
      --i;
    }
  }
  return text;
}

class reader {
 public:
  reader(module::contents& into) : into_(into), text_(into.text) {}

  void module_scope() {
    for (skip(); at_ < text_.size(); skip()) directive();
    finish();
  }

 private:
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) step();
  }
  void step() { line_ += text_[at_++] == '\n'; }
  std::string_view word() {
    skip();
    const auto begin = at_;
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) == 0 &&
           std::strchr("(){}[];,", text_[at_]) == nullptr)
      step();
    return text_.substr(begin, at_ - begin);
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  /// Text up to and without `stop` outside of quotes and braces; moves past it.
  std::string_view until(char stop) {
    const auto begin = at_;
    int depth = 0;
    bool quoted = false;
    for (; at_ < text_.size(); step()) {
      const char c = text_[at_];
      if (c == '"') quoted = !quoted;
      if (quoted) continue;
      if (c == stop && depth == 0) {
        const auto found = text_.substr(begin, at_ - begin);
        step();
        return found;
      }
      if (c == '{') ++depth;
      if (c == '}') --depth;
    }
    fail(line_, text_.substr(begin, 60), "the module ends inside this");
  }
  std::vector<declaration> parameter_list() {
    step();  // (
    const int line = line_;
    std::vector<declaration> all;
    for (auto one : split_list(until(')'))) {
      if (one.substr(0, 6) == ".param")
        one = trim(one.substr(6));
      else if (one.substr(0, 4) == ".reg")
        fail(line, one, "parameters in registers are not known");
      for (auto& read : read_declaration(one, space::parameter, line)) all.push_back(std::move(read));
    }
    return all;
  }

  void directive() {
    const int line = line_;
    const auto begin = at_;
    bool external = false;
    while (true) {
      const auto what = word();
      if (what == ".extern" || what == ".visible" || what == ".weak" || what == ".common" || what == ".internal") {
        external = what == ".extern";
        continue;
      }
      if (what == ".version" || what == ".target" || what == ".address_size" || what == ".file" || what == ".alias") {
        while (at_ < text_.size() && text_[at_] != '\n') step();
        return;
      }
      if (what == ".pragma" || what == ".loc") return void(until(';'));
      if (what == ".section") return until('{'), void(until('}'));
      if (what == ".global" || what == ".const" || what == ".shared") {
        const auto where = what == ".global" ? space::global : what == ".const" ? space::constant : space::shared;
        for (auto& one : read_declaration(until(';'), where, line)) {
          one.external = external;
          auto& list = where == space::shared ? into_.shareds : into_.globals;
          auto& index = where == space::shared ? into_.shared_index : into_.global_index;
          if (const auto known = index.find(one.name); known != index.end()) {
            if (!external) list[known->second] = std::move(one);
            continue;
          }
          index.emplace(one.name, list.size());
          list.push_back(std::move(one));
        }
        return;
      }
      if (what == ".func" || what == ".entry") return callable(what == ".entry", line);
      fail(line, text_.substr(begin, std::min(text_.find('\n', begin), text_.size()) - begin),
           "this directive is not known at module scope");
    }
  }

  void callable(bool entry, int line) {
    function made;
    kernel attributes;
    made.entry = entry;
    made.line = line;
    if (peek() == '(') made.returns = parameter_list();
    made.name = word();
    if (peek() == '(') made.parameters = parameter_list();
    while (true) {
      const char next = peek();
      if (next == ';' || next == '{') break;
      const auto what = word();
      const auto numbers = [&] {
        std::array<unsigned, 3> n{1, 1, 1};
        for (std::size_t k = 0; k < 3; ++k) {
          n[k] = unsigned(read_literal(word()).value_or(literal{1, {}}).bits);
          if (peek() != ',') break;
          step();
        }
        return n;
      };
      if (what == ".maxntid") {
        const auto n = numbers();
        attributes.max_threads = n[0] * n[1] * n[2];
      } else if (what == ".reqntid") {
        attributes.required_threads = numbers();
      } else if (what == ".minnctapersm") {
        attributes.min_blocks = numbers()[0];
      } else if (what == ".maxnreg" || what == ".maxnctapersm") {
        numbers();
      } else if (what == ".pragma") {
        until(';');
      } else if (what == ".noreturn") {
      } else {
        fail(line_, what, "this directive is not known on a function");
      }
    }
    if (peek() == '{') {
      step();
      made.body_line = line_;
      made.body = until('}');
      if (made.body.empty()) made.body = " ";
    } else {
      step();
    }
    if (const auto known = into_.function_index.find(made.name); known != into_.function_index.end()) {
      if (!made.body.empty()) into_.functions[known->second] = made;
    } else {
      into_.function_index.emplace(made.name, into_.functions.size());
      into_.functions.push_back(made);
    }
    if (!entry || made.body.empty()) return;
    attributes.name = std::string(made.name);
    attributes.line = line;
    attributes.index = into_.kernels.size();
    std::size_t offset = 0;
    for (const auto& p : made.parameters) {
      offset = (offset + p.alignment - 1) / p.alignment * p.alignment;
      attributes.parameters.push_back({std::string(p.name), offset, p.bytes, p.alignment});
      offset += p.bytes;
    }
    attributes.parameter_bytes = offset;
    into_.kernel_index.emplace(made.name, into_.kernels.size());
    into_.kernels.push_back(std::move(attributes));
  }

  // Static shared and local bytes of each kernel, those of the functions it can reach included.
  void finish() {
    struct uses {
      std::set<std::size_t> shareds, functions;
      std::size_t shared_bytes = 0, local_bytes = 0;
    };
    std::vector<uses> of(into_.functions.size());
    for (std::size_t f = 0; f < of.size(); ++f) {
      const auto& body = into_.functions[f].body;
      for (std::size_t i = 0; i < body.size();) {
        const auto is_word = [](char c) {
          return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '.' || c == '%';
        };
        if (!is_word(body[i])) {
          ++i;
          continue;
        }
        const auto begin = i;
        while (i < body.size() && is_word(body[i])) ++i;
        const auto text = body.substr(begin, i - begin);
        if (text == ".shared" || text == ".local") {
          const auto end = body.find(';', i);
          for (const auto& one : read_declaration(body.substr(i, end - i), space::shared, into_.functions[f].line)) {
            auto& total = text == ".shared" ? of[f].shared_bytes : of[f].local_bytes;
            total = (total + one.alignment - 1) / one.alignment * one.alignment + one.bytes;
          }
          i = end;
        } else if (text[0] != '%' && text[0] != '.') {
          if (const auto s = into_.shared_index.find(text); s != into_.shared_index.end())
            of[f].shareds.insert(s->second);
          if (const auto c = into_.function_index.find(text); c != into_.function_index.end())
            of[f].functions.insert(c->second);
        }
      }
    }
    for (auto& one : into_.kernels) {
      std::set<std::size_t> reached, shareds;
      std::vector<std::size_t> todo{into_.function_index.at(one.name)};
      into_.kernel_function.push_back(todo.back());
      while (!todo.empty()) {
        const auto f = todo.back();
        todo.pop_back();
        if (!reached.insert(f).second) continue;
        shareds.insert(of[f].shareds.begin(), of[f].shareds.end());
        todo.insert(todo.end(), of[f].functions.begin(), of[f].functions.end());
        one.static_shared_bytes = (one.static_shared_bytes + 15) / 16 * 16 + of[f].shared_bytes;
        one.local_bytes += of[f].local_bytes;
      }
      for (const auto s : shareds) {
        const auto& d = into_.shareds[s];
        if (d.external || d.bytes == 0) continue;
        one.static_shared_bytes = (one.static_shared_bytes + d.alignment - 1) / d.alignment * d.alignment + d.bytes;
      }
    }
    for (const auto& d : into_.globals)
      into_.variables.push_back({std::string(d.name), d.bytes, d.alignment, d.where == space::constant});
  }

  module::contents& into_;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace
}  // namespace ptx

module module::parse(std::string_view ptx, std::string name) {
  module made;
  made.contents_ = std::make_shared<contents>();
  made.contents_->name = std::move(name);
  made.contents_->text = ptx::without_comments(ptx);
  if (made.contents_->text.find(".version") == std::string::npos)
    throw error("sim: module " + made.contents_->name + ": not PTX, for it has no .version directive");
  ptx::reader(*made.contents_).module_scope();
  return made;
}

const std::string& module::name() const { return contents_->name; }
const std::vector<kernel>& module::kernels() const { return contents_->kernels; }
const std::vector<variable>& module::variables() const { return contents_->variables; }

const kernel* module::find(std::string_view mangled_name) const {
  const auto at = contents_->kernel_index.find(mangled_name);
  return at == contents_->kernel_index.end() ? nullptr : &contents_->kernels[at->second];
}

}  // namespace sim

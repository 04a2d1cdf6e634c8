// SPDX-License-Identifier: Apache-2.0
#include "parse.hpp"

#include <bit>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <set>

namespace sim {
namespace ptx {

namespace {

// The comments become blanks, so that views into the text need no care and lines keep their numbers.
std::string without_comments(std::string_view ptx) {
  std::string text(ptx);
  bool quoted = false, line_begins = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\0') text[i] = ' ';
    if (quoted) continue;
    if (line_begins && (text.compare(i, 5, ".loc ") == 0 || text.compare(i, 5, ".loc\t") == 0))
      while (i < text.size() && text[i] != '\n') text[i++] = ' ';  // a directive that ends with its line
    if (i == text.size()) break;
    line_begins = text[i] == '\n' || (line_begins && std::isspace(static_cast<unsigned char>(text[i])) != 0);
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

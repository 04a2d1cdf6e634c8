// SPDX-License-Identifier: Apache-2.0
// Words, literals, statements and declarations of PTX.
#include <bit>
#include <cctype>
#include <cstdlib>
#include <cstring>

#include "parse.hpp"

namespace sim::ptx {

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
    } else if (word.substr(0, 9) == "attribute" || word == "unified" || word == "ptr" || word == "global" ||
               word == "const" || word == "shared" || word == "local") {
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

}  // namespace sim::ptx

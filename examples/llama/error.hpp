// SPDX-License-Identifier: Apache-2.0
/// The one exception of the Llama example, and how a message shows text that came from outside.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace llama {

/// Bad input. The message reads `llama: WHERE: FIELD: expected X, got Y; REMEDY`.
struct error : std::runtime_error {
  explicit error(const std::string& message) : std::runtime_error("llama: " + message) {}
};

constexpr bool is_printable(char character) { return character >= 0x20 && character < 0x7f; }

/// `text` in quotes, at most `longest` bytes of it. Every byte but printable ASCII becomes `\xNN`: a file's content
/// must not reach a terminal as control sequences.
inline std::string in_quotes(std::string_view text, std::size_t longest = 80) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (const char character : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte == '"' || byte == '\\') {
      result += '\\';
      result += character;
    } else if (is_printable(character)) {
      result += character;
    } else {
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  return result + (text.size() > longest ? "...\"" : "\"");
}

/// A path, an option or a field as a message shows it: itself if it is printable ASCII, else whole, in quotes.
inline std::string printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_printable) ? std::string(text) : in_quotes(text, text.npos);
}

}  // namespace llama

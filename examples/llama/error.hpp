// SPDX-License-Identifier: Apache-2.0
/// The one exception of the Llama example, and how a message shows text that came from a file.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace llama {

/// Bad input. The message reads `llama: WHERE: FIELD: expected X, got Y; REMEDY`.
struct error : std::runtime_error {
  explicit error(const std::string& message) : std::runtime_error("llama: " + message) {}
};

/// `text` in quotes, at most 80 bytes of it. Every byte but printable ASCII becomes `\xNN`: a file's content must not
/// reach a terminal as control sequences.
inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 80;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (const char character : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte == '"' || byte == '\\') {
      result += '\\';
      result += character;
    } else if (byte >= 0x20 && byte < 0x7f) {
      result += character;
    } else {
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  return result + (text.size() > longest ? "...\"" : "\"");
}

}  // namespace llama

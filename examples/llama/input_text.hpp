// SPDX-License-Identifier: Apache-2.0
/// Text that the user keeps in a file or sends through a pipe: the command line has room for some 20,000 token ids.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <system_error>

#include "error.hpp"

namespace llama {

/// The longest text that is read, in bytes.
inline constexpr std::size_t input_text_limit = std::size_t{1} << 28;

/// Everything in the file called `name`, or in standard input if it is `-`, whatever kind of file that is. Throws
/// `error` if it cannot be read, and for more than `input_text_limit` bytes. `option` names it in errors.
inline std::string read_input_text(const std::string& name, const std::string& option) {
  const auto fail = [&](const std::string& expected, const std::string& got, const std::string& remedy) {
    throw error(option + ": " + printable(name) + ": expected " + expected + ", got: " + got + "; " + remedy);
  };
  const auto unreadable = [&] {
    fail("a readable file", std::generic_category().message(errno), "check the path and its permissions");
  };
  auto close = [](std::FILE* file) {
    if (file != stdin) std::fclose(file);
  };
  const std::unique_ptr<std::FILE, decltype(close)> file(name == "-" ? stdin : std::fopen(name.c_str(), "rbe"), close);
  if (!file) unreadable();
  std::string text;
  char part[1 << 14];
  while (const std::size_t count = std::fread(part, 1, sizeof part, file.get())) {
    text.append(part, count);
    if (text.size() > input_text_limit)
      fail("at most " + std::to_string(input_text_limit) + " bytes", "more", "no model has room for so long a prompt");
  }
  if (std::ferror(file.get())) unreadable();
  return text;
}

}  // namespace llama

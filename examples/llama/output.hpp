// SPDX-License-Identifier: Apache-2.0
/// What the program prints, and whether it has arrived.
#pragma once

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include "error.hpp"

namespace llama {

/// Writes `text` to standard output, at once. Throws `error` where it does not arrive: the disk is full, the output is
/// closed, or nobody reads the pipe.
inline void print(std::string_view text) {
  const bool arrived = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!arrived)
    throw error("standard output: expected to write to it, got: " + std::generic_category().message(errno) +
                "; what was printed is not complete");
}

}  // namespace llama

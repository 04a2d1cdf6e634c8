// SPDX-License-Identifier: Apache-2.0
/// Files that are something else than their name says, by their first bytes: what a download or an export often leaves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "error.hpp"

namespace llama {

namespace detail {

/// Whether `text` begins with `lower`, which is in lower case, whatever the case of the letters.
inline bool begins_with(std::string_view text, std::string_view lower) {
  const auto same = [](char character, char expected) {
    return (character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a') : character) == expected;
  };
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(),
                    [&](char expected, char character) { return same(character, expected); });
}

}  // namespace detail

/// Throws `error` for a file that is no `expected` but one of the common mistakes. `label` names it.
inline void refuse_mistaken_file(std::string_view text, const std::string& label, const std::string& expected) {
  const auto fail = [&](const std::string& got, const std::string& remedy) {
    throw error(label + ": expected " + expected + ", got " + got + "; " + remedy);
  };
  const std::string_view visible = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.starts_with("version https://git-lfs.github.com/spec/"))
    fail("a pointer of Git LFS to it", "fetch what it points to with: git lfs pull");
  if (detail::begins_with(visible, "<!doctype html") || detail::begins_with(visible, "<html"))
    fail("an HTML page", "the download failed, perhaps for want of a login or a licence: repeat it");
  if (text.starts_with("GGUF"))
    fail("a GGUF file", "this program reads checkpoints in Hugging Face format: download the original one");
  if (text.starts_with("PK\x03\x04"))
    fail("a zip archive, as torch.save writes", "export the model again with save_pretrained");
}

}  // namespace llama

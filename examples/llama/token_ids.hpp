// SPDX-License-Identifier: Apache-2.0
/// Token ids: the type, the check against a vocabulary, and the list that a user writes.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "error.hpp"

namespace llama {

using token_id = std::int32_t;

/// Throws `error` unless every id is in [0, vocab_size). `origin` names where the ids come from.
inline void check_token_ids(std::span<const token_id> ids, std::int64_t vocab_size, const std::string& origin) {
  for (std::size_t index = 0; index < ids.size(); ++index) {
    if (ids[index] >= 0 && ids[index] < vocab_size) continue;
    throw error(origin + ": expected token ids from 0 to " + std::to_string(vocab_size - 1) + ", got " +
                std::to_string(ids[index]) + " (number " + std::to_string(index + 1) + " of " +
                std::to_string(ids.size()) + "); use the tokenizer that belongs to the model");
  }
}

/// Parses integers separated by a comma, by white space or by both. Throws `error` for anything that is not a list of
/// at least one integer, and for an id outside [0, vocab_size). `origin` names where the text comes from.
inline std::vector<token_id> parse_token_ids(std::string_view text, std::int64_t vocab_size,
                                             const std::string& origin) {
  constexpr std::string_view white_space = " \t\n\v\f\r";
  std::vector<token_id> ids;
  const auto skip_white_space = [&](std::string_view from) {
    return from.substr(std::min(from.find_first_not_of(white_space), from.size()));
  };
  for (std::string_view rest = skip_white_space(text);;) {
    const std::string_view item = rest.substr(0, rest.find_first_of(", \t\n\v\f\r"));
    token_id id = 0;
    const auto [end, status] = std::from_chars(item.data(), item.data() + item.size(), id);
    if (status == std::errc::result_out_of_range) {
      throw error(origin + ": expected token ids from 0 to " + std::to_string(vocab_size - 1) + ", got " +
                  in_quotes(item) + "; use the tokenizer that belongs to the model");
    }
    if (status != std::errc{} || end != item.data() + item.size()) {
      throw error(origin + ": expected integers separated by commas or white space, got " + in_quotes(item) +
                  "; write for example 1,2,3");
    }
    ids.push_back(id);
    rest = skip_white_space(rest.substr(item.size()));
    if (rest.empty()) break;
    if (rest.starts_with(',')) rest = skip_white_space(rest.substr(1));
  }
  check_token_ids(ids, vocab_size, origin);
  return ids;
}

}  // namespace llama

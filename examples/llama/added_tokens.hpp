// SPDX-License-Identifier: Apache-2.0
/// Tokens in a text that are not SentencePiece's to find: where they are, and what an id of theirs is shown as.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer_config.hpp"

namespace llama {

class added_tokens {
 public:
  added_tokens() = default;
  added_tokens(added_tokens&&) = default;  // what a copy had by first byte would lie in the original
  added_tokens& operator=(added_tokens&&) = default;

  /// Of equal contents the first counts, of equal ids too.
  void add(const added_token& token) {
    const auto [place, fresh] = by_content_.try_emplace(token.content, token);
    if (fresh) beginning_with_[first_byte(token.content)].push_back(&place->second);
    by_id_.try_emplace(token.id, token);
  }

  const added_token* find(std::string_view content) const {
    const auto found = by_content_.find(content);
    return found == by_content_.end() ? nullptr : &found->second;
  }
  const added_token* find(token_id id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second;
  }

  /// A text's beginning without tokens, the token after it, and what follows. Without a token `before` is the whole.
  struct split {
    std::string_view before;
    const added_token* token;
    std::string_view rest;
  };

  /// Splits `text` at the first token in it, of several at one place the longest.
  split first_in(std::string_view text) const {
    for (std::size_t place = 0; place < text.size(); ++place) {
      const std::string_view here = text.substr(place);
      const added_token* longest = nullptr;
      for (const added_token* token : beginning_with_[first_byte(here)])
        if (here.starts_with(token->content) && (!longest || token->content.size() > longest->content.size()))
          longest = token;
      if (!longest) continue;
      std::string_view before = text.substr(0, place), rest = here.substr(longest->content.size());
      if (longest->lstrip) before = before.substr(0, before.find_last_not_of(white_space) + 1);
      if (longest->rstrip) rest.remove_prefix(std::min(rest.find_first_not_of(white_space), rest.size()));
      return {before, longest, rest};
    }
    return {text, nullptr, {}};
  }

 private:
  static constexpr std::string_view white_space = " \t\n\v\f\r";
  static std::size_t first_byte(std::string_view text) { return static_cast<unsigned char>(text.front()); }

  std::map<std::string, added_token, std::less<>> by_content_;
  std::map<token_id, added_token> by_id_;
  std::array<std::vector<const added_token*>, 256> beginning_with_;  ///< into by_content_
};

}  // namespace llama

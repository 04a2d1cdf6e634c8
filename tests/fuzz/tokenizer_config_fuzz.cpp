// SPDX-License-Identifier: Apache-2.0
/// libFuzzer target: whatever the text, the parsers of a tokenizer's configuration throw `llama::error` or return
/// tokens, and a text split at them is their contents, what lies between, and white space that a token took.
///
/// The first byte of an input is the length of the text to split; the JSON follows that.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "llama/added_tokens.hpp"
#include "llama/tokenizer_config.hpp"

namespace {

void require(bool law) {
  if (!law) std::abort();
}

void check(const std::vector<llama::added_token>& added, std::string_view text) {
  llama::added_tokens tokens;
  for (const llama::added_token& token : added) {
    require(token.id >= 0 && !token.content.empty());
    tokens.add(token);
    require(tokens.find(token.content) != nullptr && tokens.find(token.id) != nullptr);
  }
  while (!text.empty()) {
    const llama::added_tokens::split part = tokens.first_in(text);
    require(part.before.data() == text.data() || part.before.empty());
    if (!part.token) {
      require(part.before == text && part.rest.empty());
      return;
    }
    require(part.before.size() + part.token->content.size() + part.rest.size() <= text.size());
    require(text.ends_with(part.rest));
    require(text.find(part.token->content) != text.npos);
    text = part.rest;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view all(reinterpret_cast<const char*>(input) + 1, size - 1);
  const std::string_view text = all.substr(0, std::min<std::size_t>(input[0], all.size()));
  const std::string_view json = all.substr(text.size());
  try {
    check(llama::parse_tokenizer_config(json).added, text);
  } catch (const llama::error&) {
  }
  try {
    check(llama::parse_added_tokens(json), text);
  } catch (const llama::error&) {
  }
  return 0;
}

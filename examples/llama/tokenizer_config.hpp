// SPDX-License-Identifier: Apache-2.0
/// `tokenizer_config.json` and the older `added_tokens.json`: what a checkpoint says of its tokenizer beside the model
/// of SentencePiece.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "error.hpp"
#include "json.hpp"
#include "token_ids.hpp"

namespace llama {

/// A token that is cut out of a text before SentencePiece sees it.
struct added_token {
  token_id id;
  std::string content;   ///< not empty
  bool special = false;  ///< shown as nothing
  bool lstrip = false;   ///< takes the white space before it
  bool rstrip = false;   ///< takes the white space after it
};

/// Names and defaults are those of `LlamaTokenizer` in transformers.
struct tokenizer_config {
  bool add_bos_token = true;
  bool add_prefix_space = true;  ///< in front of a text, where SentencePiece's model asks for one
  bool legacy = false;           ///< a space also in front of the text after an added token
  std::string bos_token;         ///< empty: SentencePiece's own
  std::vector<added_token> added;
};

namespace detail {

inline token_id read_token_id(const nlohmann::json& value, const json_fields& fields, const std::string& field) {
  const auto id = natural_number(value);
  if (!id || *id > std::numeric_limits<token_id>::max())
    fields.fail(field, "a token id from 0 to 2^31 - 1", json_fields::repair);
  return static_cast<token_id>(*id);
}

/// A token as a string, or as an object with its content.
inline std::string read_token(const json_fields& fields, const std::string& field) {
  const nlohmann::json* const value = fields.find(field);
  if (value == nullptr) return {};
  return value->is_object() ? fields.nested(field).string("content") : fields.string(field);
}

/// Of `added_tokens_decoder`: an id's digits, and the token.
inline added_token read_added_token(const json_fields& decoder, const std::string& digits) {
  token_id id = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (status != std::errc{} || end != digits.data() + digits.size() || id < 0)
    decoder.fail(digits, "token ids from 0 to 2^31 - 1 as the keys", json_fields::repair);
  const json_fields token = decoder.nested(digits);
  return {id, token.string("content"), token.boolean("special", false), token.boolean("lstrip", false),
          token.boolean("rstrip", false)};
}

inline void append(std::vector<added_token>& tokens, added_token token) {
  if (!token.content.empty()) tokens.push_back(std::move(token));
}

}  // namespace detail

/// Parses the text of a `tokenizer_config.json`; fields that are absent or null have their defaults. Throws `error` for
/// a wrong type and an impossible id.
inline tokenizer_config parse_tokenizer_config(std::string_view text,
                                               const std::string& label = "tokenizer_config.json") {
  const nlohmann::json root = parse_json(text, label);
  const json_fields fields(root, label);
  tokenizer_config result;
  result.add_bos_token = fields.boolean("add_bos_token", result.add_bos_token);
  result.add_prefix_space = fields.boolean("add_prefix_space", result.add_prefix_space);
  result.legacy = fields.boolean("legacy", result.legacy);
  result.bos_token = detail::read_token(fields, "bos_token");
  if (fields.has("added_tokens_decoder")) {
    const json_fields decoder = fields.nested("added_tokens_decoder");
    for (const auto& [digits, token] : fields.find("added_tokens_decoder")->items())
      detail::append(result.added, detail::read_added_token(decoder, digits));
  }
  return result;
}

/// Parses the text of an `added_tokens.json`, which older checkpoints have: ids by the tokens' contents.
inline std::vector<added_token> parse_added_tokens(std::string_view text,
                                                   const std::string& label = "added_tokens.json") {
  const nlohmann::json root = parse_json(text, label);
  const json_fields fields(root, label);
  std::vector<added_token> result;
  for (const auto& [content, id] : root.items())
    detail::append(result, {detail::read_token_id(id, fields, content), content});
  return result;
}

}  // namespace llama

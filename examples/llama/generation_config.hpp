// SPDX-License-Identifier: Apache-2.0
/// `generation_config.json` of a checkpoint: the tokens that end a text. Its settings for sampling are not used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config.hpp"
#include "json.hpp"

namespace llama {

/// The end tokens that the text of a `generation_config.json` lists, which transformers stops at in place of those of
/// config.json: chat models often name the end of a turn only here. Nothing where the field is absent or null.
/// Throws `error` for anything but an id from 0 to `vocab_size` - 1, or a list of them.
inline std::optional<std::vector<std::int32_t>> parse_generation_config(
    std::string_view text, std::int64_t vocab_size, const std::string& label = "generation_config.json") {
  const nlohmann::json root = parse_json(text, label);
  const json_fields fields(root, label);
  if (!fields.has("eos_token_id")) return std::nullopt;
  return detail::read_token_ids(fields, "eos_token_id", true, vocab_size);
}

}  // namespace llama

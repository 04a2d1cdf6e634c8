// SPDX-License-Identifier: Apache-2.0
/// `config.json` of a Hugging Face Llama checkpoint, checked field by field.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "element_type.hpp"
#include "error.hpp"
#include "json.hpp"
#include "mapped_file.hpp"

namespace llama {

/// RoPE scaling of Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between blended.
struct llama3_scaling {
  double factor;                                  ///< at least 1
  double low_freq_factor;                         ///< above 0
  double high_freq_factor;                        ///< above `low_freq_factor`
  std::int64_t original_max_position_embeddings;  ///< the context length of the first training
};

/// The shape of a Llama model. Names and defaults are those of `LlamaConfig` in transformers.
struct config {
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  std::int64_t num_key_value_heads;  ///< divides `num_attention_heads`
  std::int64_t head_dim;             ///< even; not always hidden_size / num_attention_heads
  std::int64_t vocab_size;
  std::int64_t max_position_embeddings;  ///< before linear scaling
  double rms_norm_eps;
  double rope_theta;
  std::optional<llama3_scaling> rope_scaling;
  double rope_linear_factor = 1;  ///< of linear scaling, by which positions are divided: at least 1, and 1 without it
  bool tie_word_embeddings;       ///< the output head is the embedding matrix
  bool attention_bias;            ///< on q, k, v and o
  bool mlp_bias;                  ///< on gate, up and down
  std::optional<std::int32_t> bos_token_id;
  std::vector<std::int32_t> eos_token_ids;  ///< any of them ends the text
  std::optional<element_type> type;         ///< of the weights, as `dtype` or `torch_dtype` announce it

  /// How many positions the model was made for. Linear scaling stretches those of `max_position_embeddings`.
  std::int64_t positions() const {
    const double stretched = static_cast<double>(max_position_embeddings) * rope_linear_factor;
    return static_cast<std::int64_t>(std::min(stretched, double{std::numeric_limits<std::int32_t>::max()}));
  }
};

namespace detail {

inline void check_architecture(const json_fields& fields) {
  const std::string remedy = "only LlamaForCausalLM is supported; choose a checkpoint of that architecture";
  if (!fields.has("model_type") && !fields.has("architectures")) fields.fail("model_type", "\"llama\"", remedy);
  if (fields.string("model_type", "llama") != "llama") fields.fail("model_type", "\"llama\"", remedy);
  if (const nlohmann::json* const names = fields.find("architectures")) {
    if (*names != nlohmann::json::array({"LlamaForCausalLM"})) {
      fields.fail("architectures", "[\"LlamaForCausalLM\"]", remedy);
    }
  }
  if (fields.string("hidden_act", "silu") != "silu") {
    fields.fail("hidden_act", "\"silu\"", "no other activation is supported");
  }
  if (fields.positive_integer("pretraining_tp", 1) != 1) {
    fields.fail("pretraining_tp", "1", "sliced projections are not supported; set it to 1, the weights are the same");
  }
  if (fields.has("quantization_config")) {
    fields.fail("quantization_config", "nothing", "quantised weights are not supported; use the original checkpoint");
  }
}

inline void check_full_rotation(const json_fields& fields) {
  if (fields.positive_number("partial_rotary_factor", 1.0) != 1.0) {
    fields.fail("partial_rotary_factor", "1", "Llama rotates whole heads");
  }
}

inline double read_scaling_factor(const json_fields& fields) {
  const double factor = fields.positive_number("factor");
  if (factor < 1) fields.fail("factor", "a number of at least 1", json_fields::repair);
  return factor;
}

inline llama3_scaling read_llama3_scaling(const json_fields& fields) {
  const llama3_scaling scaling{
      .factor = read_scaling_factor(fields),
      .low_freq_factor = fields.positive_number("low_freq_factor"),
      .high_freq_factor = fields.positive_number("high_freq_factor"),
      .original_max_position_embeddings = fields.positive_integer("original_max_position_embeddings")};
  // In f32, because the blend divides by their difference there.
  if (static_cast<float>(scaling.high_freq_factor) <= static_cast<float>(scaling.low_freq_factor)) {
    fields.fail("high_freq_factor", "a number above low_freq_factor", json_fields::repair);
  }
  return scaling;
}

/// Reads the two spellings of the position encoding: `rope_theta` beside `rope_scaling`, and both in one
/// `rope_parameters`.
inline void read_rope(const json_fields& fields, config& result) {
  check_full_rotation(fields);
  result.rope_theta = fields.positive_number("rope_theta", 10000.0);
  if (fields.has("rope_scaling") && fields.has("rope_parameters")) {
    fields.fail("rope_scaling", "nothing beside rope_parameters", "remove one of the two fields");
  }
  const std::string name = fields.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
  if (!fields.has(name)) return;

  const json_fields rope = fields.nested(name);
  for (const auto& [key, value] : fields.find(name)->items()) {
    if (value.is_object()) rope.fail(key, "a number or a string", "RoPE per kind of layer is not supported");
  }
  check_full_rotation(rope);
  const double theta = rope.positive_number("rope_theta", result.rope_theta);
  if (fields.has("rope_theta") && theta != result.rope_theta) {
    rope.fail("rope_theta", "the top-level value " + shown(*fields.find("rope_theta")), "remove one of the two fields");
  }
  result.rope_theta = theta;

  // `type` is the older name of `rope_type`; files written in between have both.
  const std::string type = rope.string("type", "default");
  const std::string rope_type = rope.string("rope_type", type);
  if (rope.has("type") && type != rope_type) rope.fail("type", "the same as rope_type", "remove one of the two fields");
  if (rope_type == "llama3") {
    result.rope_scaling = read_llama3_scaling(rope);
  } else if (rope_type == "linear") {
    result.rope_linear_factor = read_scaling_factor(rope);
  } else if (rope_type != "default") {
    rope.fail(rope.has("rope_type") ? "rope_type" : "type", "\"default\", \"linear\" or \"llama3\"",
              "no other scaling is supported; choose another checkpoint");
  }
}

/// One id, or where `list` several; none where the field is absent or null.
inline std::vector<std::int32_t> read_token_ids(const json_fields& fields, const std::string& field, bool list,
                                                std::int64_t vocab_size) {
  const nlohmann::json* const value = fields.find(field);
  if (value == nullptr) return {};
  const std::string expected = (list ? "token ids" : "a token id") + std::string(" from 0 to vocab_size - 1 = ") +
                               std::to_string(vocab_size - 1);
  const bool many = list && value->is_array();
  std::vector<std::int32_t> ids;
  for (const nlohmann::json& element : many ? *value : nlohmann::json::array({*value})) {
    const auto id = natural_number(element);
    if (!id || *id >= vocab_size) fields.fail(field, expected, json_fields::repair);
    ids.push_back(static_cast<std::int32_t>(*id));
  }
  return ids;
}

/// The same of a config.json. LlamaConfig's own default holds only where the field is absent; null means that there is
/// no such token.
inline std::vector<std::int32_t> read_token_ids(const json_fields& fields, const std::string& field, bool list,
                                                std::int64_t vocab_size, std::int32_t otherwise) {
  if (!fields.contains(field) && otherwise < vocab_size) return {otherwise};
  return read_token_ids(fields, field, list, vocab_size);
}

inline std::optional<element_type> read_element_type(const json_fields& fields) {
  const std::string field = fields.has("dtype") ? "dtype" : "torch_dtype";
  if (!fields.has(field)) return std::nullopt;
  const std::string name = fields.string(field);
  if (name == "auto") return std::nullopt;
  if (name == "float32") return element_type::f32;
  if (name == "float16") return element_type::f16;
  if (name == "bfloat16") return element_type::bf16;
  fields.fail(field, "\"float32\", \"float16\" or \"bfloat16\"", "convert the checkpoint to one of these types");
}

}  // namespace detail

/// Parses the text of a `config.json`; `label` names the file in errors. Throws `error`, naming the field, what it
/// expects and what came, for a missing field, a wrong type, an impossible value and an unsupported option.
inline config parse_config(std::string_view text, const std::string& label = "config.json") {
  const nlohmann::json root = parse_json(text, label);
  const json_fields fields(root, label);
  detail::check_architecture(fields);

  config result{};
  result.hidden_size = fields.positive_integer("hidden_size");
  result.intermediate_size = fields.positive_integer("intermediate_size");
  result.num_hidden_layers = fields.positive_integer("num_hidden_layers");
  result.num_attention_heads = fields.positive_integer("num_attention_heads");
  result.num_key_value_heads = fields.positive_integer("num_key_value_heads", result.num_attention_heads);
  if (result.num_attention_heads % result.num_key_value_heads != 0) {
    fields.fail("num_key_value_heads",
                "a divisor of num_attention_heads = " + std::to_string(result.num_attention_heads),
                json_fields::repair);
  }
  if (!fields.has("head_dim") && result.hidden_size % result.num_attention_heads != 0) {
    fields.fail("hidden_size", "a multiple of num_attention_heads = " + std::to_string(result.num_attention_heads),
                "or add head_dim, if the model has one of its own");
  }
  result.head_dim =
      fields.has("head_dim") ? fields.positive_integer("head_dim") : result.hidden_size / result.num_attention_heads;
  if (result.head_dim % 2 != 0) {
    throw error(label + ": head_dim: expected an even number, got " + std::to_string(result.head_dim) +
                "; RoPE rotates pairs, " + json_fields::repair);
  }
  result.vocab_size = fields.positive_integer("vocab_size");
  result.max_position_embeddings = fields.positive_integer("max_position_embeddings", 2048);
  result.rms_norm_eps = fields.positive_number("rms_norm_eps", 1e-6);
  detail::read_rope(fields, result);
  result.tie_word_embeddings = fields.boolean("tie_word_embeddings", false);
  result.attention_bias = fields.boolean("attention_bias", false);
  result.mlp_bias = fields.boolean("mlp_bias", false);
  const std::vector<std::int32_t> bos = detail::read_token_ids(fields, "bos_token_id", false, result.vocab_size, 1);
  if (!bos.empty()) result.bos_token_id = bos.front();
  result.eos_token_ids = detail::read_token_ids(fields, "eos_token_id", true, result.vocab_size, 2);
  result.type = detail::read_element_type(fields);
  return result;
}

/// Reads and parses the file at `path`. Throws `error` also if there is no such file.
inline config read_config(const std::filesystem::path& path) {
  return parse_config(mapped_file(path).text(), printable(path.string()));
}

}  // namespace llama

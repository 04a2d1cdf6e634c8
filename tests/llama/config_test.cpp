// SPDX-License-Identifier: Apache-2.0
#include "llama/config.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <utility>

#include "files.hpp"

using doctest::Contains;
using llama::parse_config;
using nlohmann::json;

namespace {

/// As transformers writes the config of a small model.
const json& valid() {
  static const json config = json::parse(R"({
    "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
    "dtype": "bfloat16", "eos_token_id": 2, "head_dim": 16, "hidden_act": "silu", "hidden_size": 64,
    "initializer_range": 0.02, "intermediate_size": 172, "max_position_embeddings": 256, "mlp_bias": false,
    "model_type": "llama", "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2,
    "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    "tie_word_embeddings": true, "transformers_version": "5.0.0", "use_cache": true, "vocab_size": 1000})");
  return config;
}

json with(const std::string& field, const json& value) {
  json config = valid();
  config[field] = value;
  return config;
}

json without(std::initializer_list<const char*> fields) {
  json config = valid();
  for (const char* const field : fields) config.erase(field);
  return config;
}

llama::config parse(const json& config) { return parse_config(config.dump()); }

void check_rejected(const json& config, const char* message) {
  CHECK_THROWS_WITH_AS(parse(config), Contains(message), llama::error);
}

const json llama3 = {{"rope_type", "llama3"},
                     {"factor", 8.0},
                     {"low_freq_factor", 1.0},
                     {"high_freq_factor", 4.0},
                     {"original_max_position_embeddings", 8192}};

json changed(json object, const std::string& field, const json& value) {
  object[field] = value;
  return object;
}

}  // namespace

TEST_CASE("config: every field arrives") {
  const llama::config config = parse(valid());
  CHECK(config.hidden_size == 64);
  CHECK(config.intermediate_size == 172);
  CHECK(config.num_hidden_layers == 3);
  CHECK(config.num_attention_heads == 4);
  CHECK(config.num_key_value_heads == 2);
  CHECK(config.head_dim == 16);
  CHECK(config.vocab_size == 1000);
  CHECK(config.max_position_embeddings == 256);
  CHECK(config.rms_norm_eps == 1e-5);
  CHECK(config.rope_theta == 10000);
  CHECK_FALSE(config.rope_scaling);
  CHECK(config.tie_word_embeddings);
  CHECK_FALSE(config.attention_bias);
  CHECK_FALSE(config.mlp_bias);
  CHECK(config.bos_token_id == 1);
  CHECK(config.eos_token_ids == std::vector<std::int32_t>{2});
  CHECK(config.type == llama::element_type::bf16);
}

TEST_CASE("config: absent and null fields take the defaults of LlamaConfig") {
  const json few = {{"model_type", "llama"},   {"hidden_size", 64},         {"intermediate_size", 172},
                    {"num_hidden_layers", 3},  {"num_attention_heads", 4},  {"vocab_size", 1000},
                    {"rope_scaling", nullptr}, {"num_key_value_heads", {}}, {"head_dim", nullptr}};
  const llama::config config = parse(few);
  CHECK(config.num_key_value_heads == 4);
  CHECK(config.head_dim == 16);
  CHECK(config.max_position_embeddings == 2048);
  CHECK(config.rms_norm_eps == 1e-6);
  CHECK(config.rope_theta == 10000);
  CHECK_FALSE(config.rope_scaling);
  CHECK_FALSE(config.tie_word_embeddings);
  CHECK_FALSE(config.attention_bias);
  CHECK_FALSE(config.mlp_bias);
  CHECK(config.bos_token_id == 1);
  CHECK(config.eos_token_ids == std::vector<std::int32_t>{2});
  CHECK_FALSE(config.type);
}

TEST_CASE("config: a required field that is missing is named") {
  for (const char* const field :
       {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"}) {
    const std::string missing = std::string("llama: config.json: ") + field +
                                ": expected a positive integer, got nothing; add the field: save_pretrained of "
                                "transformers writes it";
    CHECK_THROWS_WITH_AS(parse(without({field})), missing.c_str(), llama::error);
    const std::string null = std::string(field) + ": expected a positive integer, got null; add the field";
    check_rejected(with(field, nullptr), null.c_str());
  }
}

TEST_CASE("config: sizes are positive integers below 2^31") {
  CHECK_THROWS_WITH_AS(parse(with("num_hidden_layers", -3)),
                       "llama: config.json: num_hidden_layers: expected a positive integer, got -3; correct the field, "
                       "or export the model again with save_pretrained",
                       llama::error);
  for (const char* const field : {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                                  "num_key_value_heads", "head_dim", "vocab_size", "max_position_embeddings"}) {
    CAPTURE(field);
    for (const json& value : {json(0), json(-1), json(64.0), json("64"), json(true), json::array({64}), json::object(),
                              json(1e30), json(18446744073709551615u)}) {
      const std::string message = std::string(field) + ": expected a positive integer, got " + llama::shown(value);
      check_rejected(with(field, value), message.c_str());
    }
    const std::string message = std::string(field) + ": expected an integer below 2^31, got 2147483648";
    check_rejected(with(field, 2147483648), message.c_str());
  }
}

TEST_CASE("config: heads must fit together") {
  check_rejected(with("num_key_value_heads", 3),
                 "num_key_value_heads: expected a divisor of num_attention_heads = 4, got 3");
  check_rejected(with("num_key_value_heads", 8),
                 "num_key_value_heads: expected a divisor of num_attention_heads = 4, got 8");
  json odd_split = without({"head_dim"});
  odd_split["hidden_size"] = 66;
  check_rejected(odd_split, "hidden_size: expected a multiple of num_attention_heads = 4, got 66; or add head_dim");
  odd_split["head_dim"] = 32;
  CHECK(parse(odd_split).head_dim == 32);
  check_rejected(with("head_dim", 15), "head_dim: expected an even number, got 15; RoPE rotates pairs");
  json odd_default = without({"head_dim"});
  odd_default["hidden_size"] = 60;
  check_rejected(odd_default, "head_dim: expected an even number, got 15");
}

TEST_CASE("config: another architecture is an error that names the field and the value") {
  CHECK_THROWS_WITH_AS(parse(with("model_type", "mistral")),
                       "llama: config.json: model_type: expected \"llama\", got \"mistral\"; only LlamaForCausalLM is "
                       "supported; choose a checkpoint of that architecture",
                       llama::error);
  check_rejected(with("architectures", json::array({"LlamaModel"})),
                 "architectures: expected [\"LlamaForCausalLM\"], got [\"LlamaModel\"]");
  check_rejected(with("architectures", "LlamaForCausalLM"),
                 "architectures: expected [\"LlamaForCausalLM\"], got \"Llama");
  check_rejected(with("model_type", 3), "model_type: expected a string, got 3");
  check_rejected(without({"model_type", "architectures"}), "model_type: expected \"llama\", got nothing");
  CHECK_NOTHROW(parse(without({"model_type"})));
  CHECK_NOTHROW(parse(without({"architectures"})));
}

TEST_CASE("config: options that would change the mathematics are errors") {
  check_rejected(with("hidden_act", "gelu"), "hidden_act: expected \"silu\", got \"gelu\"");
  check_rejected(with("pretraining_tp", 2), "pretraining_tp: expected 1, got 2");
  check_rejected(with("quantization_config", {{"bits", 4}}), "quantization_config: expected nothing, got an object");
  check_rejected(with("partial_rotary_factor", 0.5), "partial_rotary_factor: expected 1, got 0.5");
  CHECK_NOTHROW(parse(with("partial_rotary_factor", 1.0)));
  CHECK_NOTHROW(parse(without({"hidden_act", "pretraining_tp"})));
  CHECK_NOTHROW(parse(with("attention_dropout", 0.1)));
}

TEST_CASE("config: numbers are positive and fit f32; flags are booleans") {
  for (const json& value : {json(0), json(-1e-5), json("1e-5"), json(nullptr), json(1e-60), json(1e60)}) {
    CAPTURE(value.dump());
    if (value.is_null()) {
      CHECK(parse(with("rms_norm_eps", value)).rms_norm_eps == 1e-6);
    } else {
      check_rejected(with("rms_norm_eps", value), "rms_norm_eps: expected a positive number");
    }
  }
  CHECK(parse(with("rms_norm_eps", 1)).rms_norm_eps == 1);
  for (const char* const field : {"tie_word_embeddings", "attention_bias", "mlp_bias"}) {
    const std::string message = std::string(field) + ": expected true or false, got 1";
    check_rejected(with(field, 1), message.c_str());
  }
  CHECK(parse(with("attention_bias", true)).attention_bias);
  CHECK(parse(with("mlp_bias", true)).mlp_bias);
  CHECK_FALSE(parse(with("tie_word_embeddings", false)).tie_word_embeddings);
}

TEST_CASE("config: token ids are one, several or none") {
  CHECK(parse(with("eos_token_id", json::array({2, 7, 999}))).eos_token_ids == std::vector<std::int32_t>{2, 7, 999});
  CHECK(parse(with("eos_token_id", nullptr)).eos_token_ids.empty());
  CHECK(parse(with("eos_token_id", json::array())).eos_token_ids.empty());
  CHECK_FALSE(parse(with("bos_token_id", nullptr)).bos_token_id);
  CHECK(parse(without({"bos_token_id"})).bos_token_id == 1);
  json tiny = without({"eos_token_id", "bos_token_id"});
  tiny["vocab_size"] = 2;
  CHECK_MESSAGE(parse(tiny).eos_token_ids.empty(), "the default 2 is outside this vocabulary");
  check_rejected(with("eos_token_id", 1000),
                 "eos_token_id: expected token ids from 0 to vocab_size - 1 = 999, got 1000");
  check_rejected(with("eos_token_id", json::array({2, -1})), "eos_token_id: expected token ids");
  check_rejected(with("eos_token_id", json::array({json::array({2})})), "eos_token_id: expected token ids");
  check_rejected(with("bos_token_id", json::array({1})), "bos_token_id: expected a token id from 0");
  check_rejected(with("bos_token_id", "1"), "bos_token_id: expected a token id from 0");
}

TEST_CASE("config: the dtype has two names and three values") {
  CHECK(parse(with("dtype", "float32")).type == llama::element_type::f32);
  CHECK(parse(with("dtype", "float16")).type == llama::element_type::f16);
  json older = without({"dtype"});
  older["torch_dtype"] = "bfloat16";
  CHECK(parse(older).type == llama::element_type::bf16);
  older["torch_dtype"] = "int8";
  check_rejected(older, "torch_dtype: expected \"float32\", \"float16\" or \"bfloat16\", got \"int8\"");
  check_rejected(with("dtype", 32), "dtype: expected a string, got 32");
  older["torch_dtype"] = "auto";
  CHECK_FALSE(parse(older).type);
}

TEST_CASE("config: rope_theta and rope_scaling, the older spelling") {
  json older = without({"rope_parameters"});
  older["rope_theta"] = 500000;
  CHECK(parse(older).rope_theta == 500000);
  older["rope_scaling"] = llama3;
  const llama::config config = parse(older);
  CHECK(config.rope_theta == 500000);
  REQUIRE(config.rope_scaling);
  CHECK(config.rope_scaling->factor == 8);
  CHECK(config.rope_scaling->low_freq_factor == 1);
  CHECK(config.rope_scaling->high_freq_factor == 4);
  CHECK(config.rope_scaling->original_max_position_embeddings == 8192);

  json type = llama3;
  type.erase("rope_type");
  older["rope_scaling"] = changed(type, "type", "llama3");
  CHECK(parse(older).rope_scaling);
  older["rope_scaling"] = changed(llama3, "type", "llama3");
  CHECK(parse(older).rope_scaling);
  older["rope_scaling"] = changed(llama3, "type", "default");
  check_rejected(older, "rope_scaling.type: expected the same as rope_type, got \"default\"");
  older["rope_scaling"] = {{"type", "default"}};
  CHECK_FALSE(parse(older).rope_scaling);
  check_rejected(changed(older, "rope_theta", -1), "rope_theta: expected a positive number");
}

TEST_CASE("config: rope_parameters, the newer spelling") {
  CHECK(parse(with("rope_parameters", {{"rope_theta", 1e6}})).rope_theta == 1e6);
  CHECK(parse(with("rope_parameters", nullptr)).rope_theta == 10000);
  CHECK(parse(with("rope_parameters", changed(llama3, "rope_theta", 5e5))).rope_theta == 5e5);
  CHECK(parse(with("rope_parameters", llama3)).rope_scaling);

  json both = with("rope_theta", 5e5);
  check_rejected(both, "rope_parameters.rope_theta: expected the top-level value 500000.0, got 10000.0");
  both["rope_parameters"]["rope_theta"] = 500000;
  CHECK(parse(both).rope_theta == 5e5);
  check_rejected(with("rope_scaling", llama3), "rope_scaling: expected nothing beside rope_parameters, got an object");
  check_rejected(with("rope_parameters", {{"full_attention", {{"rope_theta", 1e6}}}}),
                 "rope_parameters.full_attention: expected a number or a string, got an object");
  check_rejected(with("rope_parameters", {{"\x1b[2J", {{"rope_theta", 1e6}}}}),
                 "\"rope_parameters.\\x1b[2J\": expected a number or a string, got an object");
  check_rejected(with("rope_parameters", changed(llama3, "partial_rotary_factor", 0.25)),
                 "rope_parameters.partial_rotary_factor: expected 1, got 0.25");
  check_rejected(with("rope_parameters", 3), "rope_parameters: expected a JSON object, got 3");
}

TEST_CASE("config: other kinds of RoPE scaling are named") {
  json older = without({"rope_parameters"});
  for (const char* const type : {"dynamic", "yarn", "longrope"}) {
    const std::string got = std::string("expected \"default\", \"linear\" or \"llama3\", got \"") + type + "\"";
    older["rope_scaling"] = {{"type", type}, {"factor", 2.0}};
    check_rejected(older, ("rope_scaling.type: " + got).c_str());
    check_rejected(with("rope_parameters", {{"rope_type", type}}), ("rope_parameters.rope_type: " + got).c_str());
  }
}

TEST_CASE("config: linear scaling, by both of its names, and how far it stretches") {
  json older = without({"rope_parameters"});
  CHECK(parse(older).rope_linear_factor == 1);
  CHECK(parse(older).positions() == 256);
  for (const char* const name : {"type", "rope_type"}) {
    older["rope_scaling"] = {{name, "linear"}, {"factor", 2.5}};
    CHECK(parse(older).rope_linear_factor == 2.5);
    CHECK(parse(older).positions() == 640);
    CHECK_FALSE(parse(older).rope_scaling);
  }
  CHECK(parse(with("rope_parameters", {{"rope_type", "linear"}, {"factor", 4}, {"rope_theta", 5e5}})).rope_theta ==
        5e5);
  check_rejected(with("rope_parameters", {{"rope_type", "linear"}}),
                 "rope_parameters.factor: expected a positive number, got nothing");
  check_rejected(with("rope_parameters", {{"rope_type", "linear"}, {"factor", 0.5}}),
                 "rope_parameters.factor: expected a number of at least 1, got 0.5");
  older["rope_scaling"] = {{"type", "linear"}, {"factor", 1e30}};
  CHECK(parse(older).positions() == 2147483647);
}

TEST_CASE("config: llama3 scaling needs all of its numbers, and possible ones") {
  for (const char* const field : {"factor", "low_freq_factor", "high_freq_factor"}) {
    json scaling = llama3;
    scaling.erase(field);
    const std::string message = "rope_parameters." + std::string(field) + ": expected a positive number, got ";
    check_rejected(with("rope_parameters", scaling), (message + "nothing").c_str());
    check_rejected(with("rope_parameters", changed(llama3, field, "1")), (message + "\"1\"").c_str());
  }
  json scaling = llama3;
  scaling.erase("original_max_position_embeddings");
  check_rejected(with("rope_parameters", scaling),
                 "rope_parameters.original_max_position_embeddings: expected a positive integer, got nothing");
  check_rejected(with("rope_parameters", changed(llama3, "factor", 0.5)),
                 "factor: expected a number of at least 1, got 0.5");
  check_rejected(with("rope_parameters", changed(llama3, "high_freq_factor", 1.0)),
                 "high_freq_factor: expected a number above low_freq_factor, got 1.0");
  check_rejected(with("rope_parameters", changed(llama3, "high_freq_factor", 1.0 + 1e-12)),
                 "high_freq_factor: expected a number above low_freq_factor, got 1.000000000001");
}

TEST_CASE("config: damaged files are errors") {
  CHECK_THROWS_WITH_AS(parse_config("[]"), Contains("config.json: expected a JSON object, got []"), llama::error);
  CHECK_THROWS_WITH_AS(parse_config(""), Contains("config.json: expected valid JSON"), llama::error);
  CHECK_THROWS_WITH_AS(parse_config(R"({"hidden_size":1,"hidden_size":2})"), Contains("got \"hidden_size\" twice"),
                       llama::error);
}

TEST_CASE("config: a file is read by path, and the path is in its errors") {
  const llama_test::temporary_directory directory;
  CHECK(llama::read_config(directory.write("config.json", valid().dump())).hidden_size == 64);
  const auto bad = directory.write("bad.json", "{}");
  CHECK_THROWS_WITH_AS(llama::read_config(bad), Contains((bad.string() + ": model_type: expected").c_str()),
                       llama::error);
}

// SPDX-License-Identifier: Apache-2.0
/// The readers on the checkpoints in the repository: the shipped model and those under references/, which transformers
/// and PyTorch wrote.

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "llama/checkpoint.hpp"
#include "llama/npy.hpp"
#include "llama/text_stream.hpp"
#include "llama/token_ids.hpp"
#include "llama/tokenizer.hpp"

using llama::checkpoint;
using llama::token_id;

namespace {

const std::filesystem::path source(FUSE_SOURCE_DIR);
const std::filesystem::path shipped = source / "examples/llama/model";
const std::filesystem::path references = source / "tests/llama/references";

nlohmann::json read_json(const std::filesystem::path& path) {
  return llama::parse_json(llama::mapped_file(path).text(), path.string());
}

/// Every checkpoint: the shipped model first.
std::vector<std::filesystem::path> checkpoints() {
  std::vector<std::filesystem::path> directories{shipped};
  for (const auto& entry : std::filesystem::directory_iterator(references)) {
    if (std::filesystem::exists(entry.path() / "config.json")) directories.push_back(entry.path());
  }
  return directories;
}

/// The sum of the absolute values, to see that all of them are numbers.
double magnitude(const llama::stored_tensor& tensor) {
  double sum = 0;
  for (const float value : tensor.to_float()) sum += std::abs(value);
  return sum;
}

/// Asks for every tensor of the architecture with its shape, and returns the names.
std::set<std::string> architecture(const checkpoint& opened) {
  const llama::config& config = opened.config();
  const std::int64_t queries = config.num_attention_heads * config.head_dim;
  const std::int64_t keys = config.num_key_value_heads * config.head_dim;
  std::set<std::string> names;
  const auto expect = [&](const std::string& name, std::initializer_list<std::int64_t> shape) {
    CAPTURE(name);
    const double sum = magnitude(opened.tensor(name, shape));
    CHECK(std::isfinite(sum));
    CHECK(sum > 0);
    names.insert(name);
  };
  const auto projection = [&](const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
    expect(name + ".weight", {out, in});
    if (bias) expect(name + ".bias", {out});
  };
  expect("model.embed_tokens.weight", {config.vocab_size, config.hidden_size});
  for (std::int64_t index = 0; index < config.num_hidden_layers; ++index) {
    const std::string layer = "model.layers." + std::to_string(index) + ".";
    expect(layer + "input_layernorm.weight", {config.hidden_size});
    projection(layer + "self_attn.q_proj", queries, config.hidden_size, config.attention_bias);
    projection(layer + "self_attn.k_proj", keys, config.hidden_size, config.attention_bias);
    projection(layer + "self_attn.v_proj", keys, config.hidden_size, config.attention_bias);
    projection(layer + "self_attn.o_proj", config.hidden_size, queries, config.attention_bias);
    expect(layer + "post_attention_layernorm.weight", {config.hidden_size});
    projection(layer + "mlp.gate_proj", config.intermediate_size, config.hidden_size, config.mlp_bias);
    projection(layer + "mlp.up_proj", config.intermediate_size, config.hidden_size, config.mlp_bias);
    projection(layer + "mlp.down_proj", config.hidden_size, config.intermediate_size, config.mlp_bias);
  }
  expect("model.norm.weight", {config.hidden_size});
  if (!config.tie_word_embeddings) expect("lm_head.weight", {config.vocab_size, config.hidden_size});
  return names;
}

}  // namespace

TEST_CASE("stored checkpoints: each holds the tensors that its config announces, and no others") {
  const std::vector<std::filesystem::path> directories = checkpoints();
  CHECK(directories.size() >= 9);
  for (const std::filesystem::path& directory : directories) {
    CAPTURE(directory.string());
    const checkpoint opened(directory);
    const std::set<std::string> names = architecture(opened);
    for (const auto& entry : opened.tensors()) {
      const std::string& name = entry.first;
      CAPTURE(name);
      // Old checkpoints store the inverse frequencies, which follow from the config.
      if (name.ends_with(".rotary_emb.inv_freq")) continue;
      CHECK(names.contains(name));
      if (opened.config().type) CHECK(entry.second.type == *opened.config().type);
    }
  }
}

TEST_CASE("stored checkpoints: tokens and logits fit the model that they are of") {
  const nlohmann::json list = read_json(references / "references.json");
  for (const nlohmann::json& reference : list.at("references")) {
    const std::filesystem::path directory = references / reference.at("directory").get<std::string>();
    CAPTURE(directory.string());
    const std::filesystem::path model = directory.filename() == "shipped" ? shipped : directory;
    const llama::config config = llama::read_config(model / "config.json");
    const auto tokens = read_json(directory / "tokens.json").get<std::vector<token_id>>();
    const auto greedy = read_json(directory / "greedy.json").get<std::vector<token_id>>();
    CHECK_NOTHROW(llama::check_token_ids(tokens, config.vocab_size, "tokens.json"));
    CHECK_NOTHROW(llama::check_token_ids(greedy, config.vocab_size, "greedy.json"));
    const llama::npy_array logits = llama::read_npy(directory / "logits.npy");
    CHECK(logits.shape == std::vector<std::int64_t>{static_cast<std::int64_t>(tokens.size()), config.vocab_size});
  }
}

TEST_CASE("stored checkpoints: the shipped tokenizer fits the shipped model") {
  const llama::config config = llama::read_config(shipped / "config.json");
  const llama::tokenizer words(shipped / "tokenizer.model");
  CHECK(words.vocab_size() == config.vocab_size);
  CHECK(words.bos_id() == config.bos_token_id);
  REQUIRE(words.eos_id());
  CHECK(config.eos_token_ids == std::vector<token_id>{*words.eos_id()});

  const auto tokens = read_json(references / "shipped/tokens.json").get<std::vector<token_id>>();
  const auto greedy = read_json(references / "shipped/greedy.json").get<std::vector<token_id>>();
  std::string prompt;
  const nlohmann::json list = read_json(references / "references.json");
  for (const nlohmann::json& reference : list.at("references")) {
    if (reference.at("directory") == "shipped") prompt = reference.at("prompt").get<std::string>();
  }
  CHECK(words.encode(prompt) == tokens);
  CHECK(words.decode(tokens) == prompt);

  std::vector<token_id> all = tokens;
  all.insert(all.end(), greedy.begin(), greedy.end());
  llama::text_stream stream(words, tokens);
  std::string text = prompt;
  for (const token_id id : greedy) text += stream.push(id);
  CHECK(text + stream.finish() == words.decode(all));
}

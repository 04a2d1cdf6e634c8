// SPDX-License-Identifier: Apache-2.0
#include "llama/checkpoint.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "files.hpp"

using doctest::Contains;
using llama::checkpoint;
using llama_test::safetensors_file;
using llama_test::temporary_directory;

namespace {

const std::string config_text = R"({"model_type":"llama","hidden_size":4,"intermediate_size":8,"num_hidden_layers":1,)"
                                R"("num_attention_heads":2,"vocab_size":10})";

/// A file of u8 tensors of one element each, with these names and values.
std::string shard(const std::vector<std::pair<std::string, char>>& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  for (const auto& [name, value] : tensors) {
    header[name] = {{"dtype", "U8"}, {"shape", {1}}, {"data_offsets", {data.size(), data.size() + 1}}};
    data += value;
  }
  return safetensors_file(header.dump(), data);
}

/// A directory with a config and an index of this weight map, and two shards.
struct sharded_directory : temporary_directory {
  explicit sharded_directory(const std::string& weight_map) {
    write("config.json", config_text);
    write("model-00001-of-00002.safetensors", shard({{"a", '1'}, {"b", '2'}}));
    write("model-00002-of-00002.safetensors", shard({{"c", '3'}}));
    write("model.safetensors.index.json", R"({"metadata":{"total_size":3},"weight_map":)" + weight_map + "}");
  }
};

char value_of(const llama::stored_tensor& tensor) { return tensor.elements<char>()[0]; }

}  // namespace

TEST_CASE("checkpoint: one file") {
  const temporary_directory directory;
  directory.write("config.json", config_text);
  directory.write("model.safetensors", shard({{"a", '1'}, {"b", '2'}}));
  const checkpoint opened(directory.path());
  CHECK(opened.config().hidden_size == 4);
  CHECK(opened.tensors().size() == 2);
  CHECK(value_of(opened.tensor("b")) == '2');
  CHECK(opened.find("b") == &opened.tensor("b"));
  CHECK(opened.find("c") == nullptr);
}

TEST_CASE("checkpoint: shards, through their index") {
  const sharded_directory directory(R"({"a":"model-00001-of-00002.safetensors","b":"model-00001-of-00002.safetensors",)"
                                    R"("c":"model-00002-of-00002.safetensors"})");
  const checkpoint opened(directory.path());
  CHECK(opened.tensors().size() == 3);
  CHECK(value_of(opened.tensor("a")) == '1');
  CHECK(value_of(opened.tensor("b")) == '2');
  CHECK(value_of(opened.tensor("c")) == '3');
}

TEST_CASE("checkpoint: one file wins over an index, as in transformers") {
  const sharded_directory directory("{}");
  directory.write("model.safetensors", shard({{"whole", 'w'}}));
  CHECK(checkpoint(directory.path()).tensors().size() == 1);
}

TEST_CASE("checkpoint: tensors stay readable after a move") {
  const temporary_directory directory;
  directory.write("config.json", config_text);
  directory.write("model.safetensors", shard({{"a", '1'}}));
  checkpoint first(directory.path());
  const auto bytes = first.tensor("a").bytes;
  const checkpoint second(std::move(first));
  CHECK(second.tensor("a").bytes.data() == bytes.data());
  CHECK(bytes[0] == std::byte{'1'});
}

TEST_CASE("checkpoint: shards may be links, as a download cache keeps them") {
  const temporary_directory cache, directory;
  const auto blob = cache.write("0123abcd", shard({{"a", '1'}}));
  directory.write("config.json", config_text);
  std::filesystem::create_symlink(blob, directory.path() / "model.safetensors");
  CHECK(value_of(checkpoint(directory.path()).tensor("a")) == '1');
  std::filesystem::remove(blob);
  CHECK_THROWS_WITH_AS(checkpoint(directory.path()),
                       Contains("model.safetensors: expected a readable file, got: No such file or directory"),
                       llama::error);
  std::filesystem::remove(directory.path() / "model.safetensors");
  std::filesystem::create_symlink("model.safetensors", directory.path() / "model.safetensors");
  CHECK_THROWS_WITH_AS(checkpoint(directory.path()), Contains("model.safetensors: expected a readable file, got: "),
                       llama::error);
}

TEST_CASE("checkpoint: a missing name lists the closest ones") {
  const temporary_directory directory;
  directory.write("config.json", config_text);
  directory.write("model.safetensors", shard({{"model.embed_tokens.weight", '1'},
                                              {"model.layers.0.self_attn.k_proj.weight", '2'},
                                              {"model.layers.0.self_attn.q_proj.weight", '3'},
                                              {"model.layers.1.self_attn.q_proj.weight", '4'},
                                              {"model.norm.weight", '5'}}));
  const checkpoint opened(directory.path());
  CHECK_THROWS_WITH_AS(opened.tensor("model.layers.0.self_attn.q_proj.weigth"),
                       ("llama: " + directory.path().string() +
                        ": expected a tensor \"model.layers.0.self_attn.q_proj.weigth\", got only others, the closest "
                        "being \"model.layers.0.self_attn.q_proj.weight\", \"model.layers.0.self_attn.k_proj.weight\", "
                        "\"model.layers.1.self_attn.q_proj.weight\"; config.json and the weights must be of one model")
                           .c_str(),
                       llama::error);

  const temporary_directory empty;
  empty.write("config.json", config_text);
  empty.write("model.safetensors", shard({}));
  CHECK_THROWS_WITH_AS(checkpoint(empty.path()).tensor("a"), Contains("got nothing like it among 0 tensors"),
                       llama::error);
}

TEST_CASE("checkpoint: a tensor of another shape than expected is an error") {
  const temporary_directory directory;
  directory.write("config.json", config_text);
  directory.write("model.safetensors",
                  safetensors_file(R"({"w":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]}})", "123456"));
  const checkpoint opened(directory.path());
  CHECK(opened.tensor("w", {2, 3}).element_count() == 6);
  for (const auto& shape : {std::initializer_list<std::int64_t>{3, 2}, {6}, {2, 3, 1}, {}}) {
    CHECK_THROWS_WITH_AS(opened.tensor("w", shape), Contains("got [2, 3]; config.json and the weights"), llama::error);
  }
  CHECK_THROWS_WITH_AS(opened.tensor("w", {3, 2}), Contains("w: expected shape [3, 2], got [2, 3]"), llama::error);
}

TEST_CASE("checkpoint: missing files are named") {
  const temporary_directory directory;
  CHECK_THROWS_WITH_AS(checkpoint(directory.path()),
                       Contains("config.json: expected a readable file, got: No such file"), llama::error);
  directory.write("config.json", config_text);
  CHECK_THROWS_WITH_AS(checkpoint(directory.path()),
                       Contains("expected config.json and model.safetensors or model.safetensors.index.json, got no "
                                "weights; export the model with save_pretrained"),
                       llama::error);
  CHECK_THROWS_WITH_AS(checkpoint(directory.path() / "absent"), Contains("No such file or directory"), llama::error);
}

TEST_CASE("checkpoint: weights in another format are named, with a configuration or without") {
  const temporary_directory directory;
  const auto refused = [&](const char* got) {
    CHECK_THROWS_WITH_AS(checkpoint(directory.path()), Contains(got), llama::error);
  };
  directory.write("q4.gguf", "");
  refused("expected config.json and model.safetensors or model.safetensors.index.json, got \"q4.gguf\"; export");
  directory.write("config.json", config_text);
  directory.write("pytorch_model.bin", "");
  refused("got \"pytorch_model.bin\", \"q4.gguf\"; export");
  directory.write("consolidated.00.pth", "");
  directory.write("\x1b[2J.safetensors", "");
  directory.write("tokenizer.model", "");
  refused("got \"\\x1b[2J.safetensors\", \"consolidated.00.pth\", \"pytorch_model.bin\" and 1 more; export");
  directory.write("model.safetensors", shard({{"a", '1'}}));
  CHECK_NOTHROW(checkpoint(directory.path()));
  CHECK_THROWS_WITH_AS(checkpoint(directory.path() / "q4.gguf"),
                       Contains("q4.gguf: expected a model directory, got a file"), llama::error);
}

TEST_CASE("checkpoint: files that are commonly taken for a configuration are named") {
  const temporary_directory directory;
  directory.write("model.safetensors", shard({{"a", '1'}}));
  directory.write("config.json", "version https://git-lfs.github.com/spec/v1\n");
  CHECK_THROWS_WITH_AS(checkpoint(directory.path()), Contains("config.json: expected JSON, got a pointer of Git LFS"),
                       llama::error);
  directory.write("config.json", "<!DOCTYPE html>");
  CHECK_THROWS_WITH_AS(checkpoint(directory.path()), Contains("config.json: expected JSON, got an HTML page"),
                       llama::error);
}

TEST_CASE("checkpoint: generation_config.json says what ends a text, where it says anything") {
  const temporary_directory directory;
  directory.write("config.json", config_text);
  directory.write("model.safetensors", shard({}));
  const auto ends = [&](const char* text) {
    directory.write("generation_config.json", text);
    return checkpoint(directory.path()).config().eos_token_ids;
  };
  using ids = std::vector<std::int32_t>;
  CHECK(checkpoint(directory.path()).config().eos_token_ids == ids{2});
  CHECK(ends(R"({"eos_token_id": [7, 9], "temperature": 0.6})") == ids{7, 9});
  CHECK(ends(R"({"eos_token_id": 3})") == ids{3});
  CHECK(ends(R"({"eos_token_id": []})").empty());
  CHECK(ends("{}") == ids{2});
  CHECK(ends(R"({"eos_token_id": null})") == ids{2});
  CHECK_THROWS_WITH_AS(
      ends(R"({"eos_token_id": [10]})"),
      Contains("generation_config.json: eos_token_id: expected token ids from 0 to vocab_size - 1 = 9, "
               "got [10]"),
      llama::error);
  CHECK_THROWS_WITH_AS(ends("{"), Contains("generation_config.json: expected valid JSON"), llama::error);
}

TEST_CASE("checkpoint: tensors that a model does not use are an error that lists them") {
  const temporary_directory directory;
  const auto opened = [&](bool tied, const std::vector<std::pair<std::string, char>>& tensors) {
    nlohmann::json config = nlohmann::json::parse(config_text);
    config["tie_word_embeddings"] = tied;
    directory.write("config.json", config.dump());
    directory.write("model.safetensors", shard(tensors));
    return checkpoint(directory.path());
  };
  const std::set<std::string, std::less<>> used{"a"};
  CHECK_NOTHROW(
      opened(true, {{"a", '1'}, {"lm_head.weight", '2'}, {"model.layers.0.self_attn.rotary_emb.inv_freq", '3'}})
          .check_all_used(used));
  CHECK_THROWS_WITH_AS(
      opened(false, {{"a", '1'}, {"lm_head.weight", '2'}}).check_all_used(used),
      ("llama: " + directory.path().string() +
       ": expected only tensors that config.json announces, got 1 other: \"lm_head.weight\"; the model is "
       "of another architecture or size than config.json says, and its text would be wrong")
          .c_str(),
      llama::error);
  std::vector<std::pair<std::string, char>> many{{"a", '1'}};
  for (char c = 'b'; c < 'b' + 14; ++c) many.emplace_back(std::string(1, c), c);
  CHECK_THROWS_WITH_AS(opened(true, many).check_all_used(used),
                       Contains("got 14 others: \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\", "
                                "\"k\", \"l\", \"m\" and 2 more; "),
                       llama::error);
}

TEST_CASE("checkpoint: an index does not hide tensors of its shards") {
  const sharded_directory directory(
      R"({"a":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors"})");
  const checkpoint opened(directory.path());
  CHECK(value_of(opened.tensor("b")) == '2');
  CHECK_THROWS_WITH_AS(opened.check_all_used({"a", "c"}), Contains("got 1 other: \"b\"; "), llama::error);
}

TEST_CASE("checkpoint: a path with control characters reaches an error in quotes") {
  const temporary_directory directory;
  const auto strange = directory.path() / "\x1b[31mred";
  std::filesystem::create_directory(strange);
  const std::string quoted = "\"" + directory.path().string() + "/\\x1b[31mred";
  const auto refused = [&](const std::string& after) {
    CHECK_THROWS_WITH_AS(checkpoint{strange}, Contains((quoted + after).c_str()), llama::error);
  };
  refused("/config.json\": expected a readable file");
  std::ofstream(strange / "config.json") << "{}";
  refused("\": expected config.json and model.safetensors");
  std::ofstream(strange / "model.safetensors") << "x";
  refused("/config.json\": model_type: expected");
  std::ofstream(strange / "config.json") << config_text;
  refused("/model.safetensors\": expected at least 8 bytes");
}

TEST_CASE("checkpoint: a shard outside the directory is never opened") {
  const temporary_directory outside;
  const auto secret = outside.write("secret.safetensors", shard({{"a", '1'}}));
  for (const std::string& name :
       {secret.string(), "../" + outside.path().filename().string() + "/secret.safetensors",
        std::string("./model-00001-of-00002.safetensors"), std::string("x/../model-00001-of-00002.safetensors"),
        std::string(".."), std::string("."), std::string(""), std::string("config.json"),
        std::string("model-00001-of-00002.safetensors/"), std::string("model-00001-of-00002.safetensors\0", 33)}) {
    CAPTURE(name);
    const sharded_directory directory(nlohmann::json{{"a", name}}.dump());
    CHECK_THROWS_WITH_AS(checkpoint(directory.path()),
                         Contains("expected the name of a .safetensors file in the same directory for \"a\", got "),
                         llama::error);
  }
  const sharded_directory directory(R"({"a":"model-00001-of-00002.safetensors"})");
  CHECK_NOTHROW(checkpoint(directory.path()));
}

TEST_CASE("checkpoint: an index that does not match its shards is an error") {
  CHECK_THROWS_WITH_AS(checkpoint(sharded_directory(R"({"c":"model-00001-of-00002.safetensors"})").path()),
                       Contains("expected a shard that holds it for \"c\", got \"model-00001-of-00002.safetensors\", "
                                "which does not"),
                       llama::error);
  CHECK_THROWS_WITH_AS(checkpoint(sharded_directory(R"({"a":"model-00003-of-00002.safetensors"})").path()),
                       Contains("model-00003-of-00002.safetensors: expected a readable file"), llama::error);
  CHECK_THROWS_WITH_AS(checkpoint(sharded_directory(R"({"a":1})").path()), Contains("for \"a\", got 1"), llama::error);
  CHECK_THROWS_WITH_AS(checkpoint(sharded_directory("[]").path()),
                       Contains("weight_map: expected a JSON object, got []"), llama::error);
  CHECK_THROWS_WITH_AS(checkpoint(sharded_directory("null").path()),
                       Contains("weight_map: expected an object, got null"), llama::error);
  CHECK_THROWS_WITH_AS(checkpoint(sharded_directory("{").path()), Contains("index.json: expected valid JSON"),
                       llama::error);
}

TEST_CASE("checkpoint: the file of a damaged header is named") {
  const temporary_directory directory;
  directory.write("config.json", config_text);
  const auto file = directory.write("model.safetensors", "1234");
  CHECK_THROWS_WITH_AS(checkpoint(directory.path()), Contains((file.string() + ": expected at least 8 bytes").c_str()),
                       llama::error);
}

// SPDX-License-Identifier: Apache-2.0
#include "llama/checkpoint.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

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
  directory.write("pytorch_model.bin", "");
  CHECK_THROWS_WITH_AS(checkpoint(directory.path()),
                       Contains("expected model.safetensors or model.safetensors.index.json, got neither; export"),
                       llama::error);
  CHECK_THROWS_WITH_AS(checkpoint(directory.path() / "absent"), Contains("No such file or directory"), llama::error);
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

// SPDX-License-Identifier: Apache-2.0
/// Writes the inputs that the fuzz targets start from: `make_corpus DIRECTORY` fills DIRECTORY/safetensors,
/// DIRECTORY/config and DIRECTORY/tokenizer_config.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace std::string_literals;

/// As safetensors_fuzz.cpp reads it: a header for which the target makes length and data.
std::string header_input(const std::string& header, unsigned char data_size) {
  return "\x01"s + static_cast<char>(data_size) + header;
}

/// As safetensors_fuzz.cpp reads it: a whole file.
std::string file_input(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string input(1 + sizeof length, '\0');
  std::memcpy(input.data() + 1, &length, sizeof length);
  return input + header + data;
}

std::vector<std::string> safetensors_inputs() {
  const std::string one = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const std::string two = R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},)"
                          R"("b":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}  )";
  const std::string empty = R"({"e":{"dtype":"U8","shape":[0,3],"data_offsets":[1,1]},)"
                            R"("a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},)"
                            R"("f":{"dtype":"F16","shape":[1,1,1],"data_offsets":[1,3]}})";
  return {header_input(one, 8),
          header_input(two, 12),
          header_input(empty, 3),
          header_input("{}", 0),
          file_input(one, "12345678"),
          file_input("{}", ""),
          header_input(R"({"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}})", 2),
          header_input(R"({"a":[[[[{"b":[]}]]]]})", 0)};
}

std::vector<std::string> config_inputs() {
  const std::string sizes = R"("hidden_size":64,"intermediate_size":172,"num_hidden_layers":3,"num_attention_heads":4,)"
                            R"("vocab_size":8)";
  const std::string scaling = R"("factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,)"
                              R"("original_max_position_embeddings":8192)";
  return {
      R"({"model_type":"llama",)" + sizes + "}",
      R"({"architectures":["LlamaForCausalLM"],)" + sizes +
          R"(,"num_key_value_heads":2,"head_dim":32,"rope_theta":5e5,"rope_scaling":{"rope_type":"llama3",)" + scaling +
          R"(},"tie_word_embeddings":true,"eos_token_id":[2,7],"torch_dtype":"bfloat16"})",
      R"({"model_type":"llama",)" + sizes + R"(,"rope_parameters":{"rope_theta":1e6,"type":"llama3",)" + scaling +
          R"(},"attention_bias":true,"mlp_bias":true,"rms_norm_eps":1e-5,"bos_token_id":null,"dtype":"float16",)"
          R"("hidden_act":"silu","pretraining_tp":1,"max_position_embeddings":4096,"partial_rotary_factor":1.0})",
      R"({"model_type":"llama",)" + sizes + R"(,"rope_scaling":{"type":"linear","factor":2.5},"torch_dtype":"auto"})",
      R"({"eos_token_id":[2,7],"temperature":0.6})",
      R"({"eos_token_id":3})"};
}

/// As tokenizer_config_fuzz.cpp reads it: the length of a text that is split at the tokens, the text, the JSON.
std::vector<std::string> tokenizer_config_inputs() {
  const auto input = [](const std::string& text, const std::string& json) {
    return static_cast<char>(text.size()) + text + json;
  };
  return {input("a <x> b<y>c", R"({"add_bos_token":true,"legacy":false,"bos_token":{"content":"<x>"},)"
                               R"("added_tokens_decoder":{"7":{"content":"<x>","special":true,"lstrip":true,)"
                               R"("rstrip":true},"8":{"content":"<y>"},"9":{"content":"<y>c"}}})"),
          input("<x>", R"({"<x>":7,"<y>":8})"), input("", "{}")};
}

void write(const std::filesystem::path& directory, const std::vector<std::string>& inputs) {
  std::filesystem::create_directories(directory);
  for (std::size_t index = 0; index < inputs.size(); ++index) {
    std::ofstream file(directory / ("seed-" + std::to_string(index)), std::ios::binary);
    file << inputs[index];
    file.exceptions(std::ios::failbit | std::ios::badbit);
    file.close();
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::cerr << "usage: make_corpus DIRECTORY\n";
    return 2;
  }
  const std::filesystem::path directory(arguments[1]);
  write(directory / "safetensors", safetensors_inputs());
  write(directory / "config", config_inputs());
  write(directory / "tokenizer_config", tokenizer_config_inputs());
}

// SPDX-License-Identifier: Apache-2.0
/// The prompt as token ids, and how generated ids are shown: as text, or as ids where the prompt was ids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config.hpp"
#include "input_text.hpp"
#include "options.hpp"
#include "output.hpp"
#include "text_stream.hpp"
#include "token_ids.hpp"
#include "tokenizer.hpp"

namespace llama {

inline constexpr const char* demo_prompt = "And it came to pass in those days, that";

class language {
 public:
  /// Throws `error` for a prompt that is not one, or that has more tokens than the model has positions.
  language(const options& chosen, const config& shape) {
    if (chosen.tokens || chosen.tokens_file) {
      prompt_ = chosen.tokens ? parse_token_ids(*chosen.tokens, shape.vocab_size, "--tokens")
                              : parse_token_ids(read_input_text(*chosen.tokens_file, "--tokens-file"), shape.vocab_size,
                                                "--tokens-file");
    } else {
      words_ = open_tokenizer(chosen.directory);
      text_ = chosen.prompt_file ? read_input_text(*chosen.prompt_file, "--prompt-file")
                                 : chosen.prompt.value_or(demo_prompt);
      if (chosen.prompt_file && text_.ends_with('\n')) text_.pop_back();  // the end of the last line
      prompt_ = words_->encode(text_);
      check_token_ids(prompt_, shape.vocab_size, "prompt");
      if (prompt_.empty()) throw error("prompt: expected some text, got none; this tokenizer adds no token of its own");
      stream_.emplace(*words_, prompt_);
    }
    if (static_cast<std::int64_t>(prompt_.size()) > shape.positions())
      throw error("prompt: expected at most " + std::to_string(shape.positions()) +
                  " tokens, the positions that the model was made for, got " + std::to_string(prompt_.size()) +
                  "; shorten the prompt");
  }

  std::span<const token_id> prompt() const { return prompt_; }
  void show_prompt() const { print(text_); }
  void show(token_id id) {
    print(stream_ ? stream_->push(id) : (std::exchange(first_, false) ? "" : ",") + std::to_string(id));
  }
  void finish() { print((stream_ ? stream_->finish() : "") + "\n"); }

 private:
  std::vector<token_id> prompt_;
  std::unique_ptr<tokenizer> words_;
  std::string text_;
  std::optional<text_stream> stream_;
  bool first_ = true;
};

}  // namespace llama

// SPDX-License-Identifier: Apache-2.0
/// Text to token ids and back, with a SentencePiece `tokenizer.model` and the tokens that a checkpoint adds to it.
#pragma once

#include <sentencepiece_processor.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "added_tokens.hpp"
#include "checkpoint_files.hpp"
#include "error.hpp"
#include "mapped_file.hpp"
#include "mistaken_file.hpp"
#include "token_ids.hpp"
#include "tokenizer_config.hpp"
#include "utf8.hpp"

namespace llama {

/// A loaded tokenizer. Not movable: a `text_stream` keeps a reference to it.
class tokenizer {
 public:
  /// Loads `path`, the `tokenizer.model` of a checkpoint. Throws `error` if it is missing or no SentencePiece model.
  explicit tokenizer(const std::filesystem::path& path, tokenizer_config config = {})
      : path_(printable(path.string())), config_(std::move(config)) {
    const mapped_file file(path);
    refuse_mistaken_file(file.text(), path_, "a SentencePiece model");
    const auto status = words_.LoadFromSerializedProto(file.text());
    if (!status.ok()) throw error(path_ + ": expected a SentencePiece model, got: " + status.ToString());
    for (const added_token& token : config_.added) tokens_.add(token);
    for (token_id id = 0; id < vocab_size(); ++id) {
      if (words_.IsControl(id) || words_.IsUnknown(id))
        tokens_.add({.id = id, .content = words_.IdToPiece(id), .special = true});
      else if (visible_text_.empty() && !words_.IsByte(id) && !words_.IsUnused(id))
        visible_ = id, visible_text_ = text_of({id}, true);
    }
  }
  tokenizer(const tokenizer&) = delete;
  tokenizer& operator=(const tokenizer&) = delete;

  /// The number of SentencePiece's pieces, whose ids are below it. Added tokens may have ids above, and a model's own
  /// vocab_size may be larger still (padding).
  std::int64_t vocab_size() const { return words_.GetPieceSize(); }

  std::optional<token_id> bos_id() const {
    if (const added_token* const token = tokens_.find(config_.bos_token)) return token->id;
    const int piece = words_.PieceToId(config_.bos_token);
    return present(config_.bos_token.empty() || words_.IsUnknown(piece) ? words_.bos_id() : piece);
  }
  std::optional<token_id> eos_id() const { return present(words_.eos_id()); }

  /// The ids of `text`, after the beginning-of-sequence id if `with_bos` and there is one. Added and special tokens in
  /// the text become their ids. Throws `error` if `text` is not UTF-8.
  std::vector<token_id> encode(std::string_view text, bool with_bos) const {
    if (const auto offset = first_ill_formed(text)) {
      throw error("prompt: expected UTF-8 text, got " + in_quotes(text.substr(*offset, 1)) + " at byte " +
                  std::to_string(*offset) + "; convert the text to UTF-8");
    }
    std::vector<token_id> ids;
    if (with_bos && bos_id()) ids.push_back(*bos_id());
    std::unique_ptr<processor> without_prefix;
    bool prefix = config_.add_prefix_space;
    for (std::string_view rest = text; !rest.empty();) {
      const added_tokens::split part = tokens_.first_in(rest);
      if (!part.before.empty()) {
        if (!prefix && !without_prefix) without_prefix = processor_without_prefix();
        std::vector<int> pieces;
        check((prefix ? words_ : *without_prefix).Encode(part.before, &pieces));
        ids.insert(ids.end(), pieces.begin(), pieces.end());
      }
      if (part.token) ids.push_back(part.token->id);
      rest = part.rest;
      prefix = config_.legacy && !rest.starts_with(' ');
    }
    return ids;
  }
  std::vector<token_id> encode(std::string_view text) const { return encode(text, config_.add_bos_token); }

  /// Whether `id` is shown as nothing, wherever it is: a special token, or one beyond the tokenizer.
  bool passes_over(token_id id) const {
    const added_token* const token = tokens_.find(id);
    return token ? token->special : id >= vocab_size();
  }

  /// The text of `ids`. Bytes that make no code point become U+FFFD. Throws `error` for a negative id.
  std::string decode(std::span<const token_id> ids) const {
    std::string text;
    std::vector<int> pieces;
    for (const token_id id : ids) {
      check_token(id);
      if (passes_over(id)) continue;
      if (const added_token* const token = tokens_.find(id)) {
        text += text_of(pieces, text.empty() && config_.add_prefix_space) + token->content;
        pieces.clear();
      } else {
        pieces.push_back(id);
      }
    }
    return text + text_of(pieces, text.empty() && config_.add_prefix_space);
  }

  /// The byte that `id` stands for, if it is one of the pieces for text outside the vocabulary ("<0x0A>").
  std::optional<char> byte_of(token_id id) const {
    check_token(id);
    if (id >= vocab_size() || !words_.IsByte(id)) return std::nullopt;
    return static_cast<char>(std::stoi(words_.IdToPiece(id).substr(3, 2), nullptr, 16));
  }

 private:
  using processor = sentencepiece::SentencePieceProcessor;

  static std::optional<token_id> present(int id) { return id < 0 ? std::nullopt : std::optional<token_id>(id); }

  void check(const sentencepiece::util::Status& status) const {
    if (!status.ok()) throw error(path_ + ": expected the tokenizer to succeed, got: " + status.ToString());
  }
  void check_token(token_id id) const {
    if (id < 0) throw error(path_ + ": expected a token id of at least 0, got " + std::to_string(id));
  }

  /// Another processor, which puts no space in front of a text.
  std::unique_ptr<processor> processor_without_prefix() const {
    // Of a field that is there twice the last counts: this is normalizer_spec { add_dummy_prefix: false }.
    constexpr std::string_view no_prefix("\x1a\x02\x18\x00", 4);
    auto words = std::make_unique<processor>();
    check(words->LoadFromSerializedProto(words_.serialized_model_proto().append(no_prefix)));
    return words;
  }

  /// SentencePiece's text of its own pieces. Where a text begins it drops a space; `drop_space`: whether that is
  /// wanted. If not, the pieces are decoded after one that can be seen.
  std::string text_of(std::vector<int> pieces, bool drop_space) const {
    if (!drop_space && visible_) pieces.insert(pieces.begin(), *visible_);
    std::string text;
    check(words_.Decode(pieces, &text));
    return drop_space ? text : text.substr(visible_text_.size());
  }

  std::string path_;
  tokenizer_config config_;
  processor words_;
  added_tokens tokens_;              ///< and the pieces that SentencePiece finds in no text
  std::optional<token_id> visible_;  ///< a piece that is shown as something, if there is one
  std::string visible_text_;         ///< what it is shown as
};

/// The tokenizer of a checkpoint's directory, with what its configuration says. Throws `error` if there is none that
/// this program reads.
inline std::unique_ptr<tokenizer> open_tokenizer(const std::filesystem::path& directory) {
  const std::filesystem::path model = directory / "tokenizer.model", other = directory / "tokenizer.json";
  const std::filesystem::path config_file = directory / "tokenizer_config.json",
                              added = directory / "added_tokens.json";
  if (!is_entry(model)) {
    throw error(printable(directory.string()) + ": expected tokenizer.model, got " +
                (is_entry(other) ? "tokenizer.json alone; only models of SentencePiece are read: "
                                 : "no tokenizer; download tokenizer.model too, or ") +
                "give token ids with --tokens");
  }
  tokenizer_config config;
  if (is_entry(config_file))
    config = parse_tokenizer_config(mapped_file(config_file).text(), printable(config_file.string()));
  if (config.added.empty() && is_entry(added))
    config.added = parse_added_tokens(mapped_file(added).text(), printable(added.string()));
  return std::make_unique<tokenizer>(model, std::move(config));
}

}  // namespace llama

// SPDX-License-Identifier: Apache-2.0
/// Text to token ids and back with a SentencePiece `tokenizer.model`, and text streamed one token at a time.
#pragma once

#include <sentencepiece_processor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "error.hpp"
#include "mapped_file.hpp"
#include "token_ids.hpp"
#include "utf8.hpp"

namespace llama {

/// A loaded SentencePiece model. Not movable: a `text_stream` keeps a reference to it.
class tokenizer {
 public:
  /// Loads `path`, the `tokenizer.model` of a checkpoint. Throws `error` if it is missing or no SentencePiece model.
  explicit tokenizer(const std::filesystem::path& path) : path_(path.string()) {
    const mapped_file file(path);
    const auto status = processor_.LoadFromSerializedProto(file.text());
    if (!status.ok()) {
      throw error(path_ + ": expected a SentencePiece model, got: " + status.ToString() +
                  "; tokenizer.json is another format, look for tokenizer.model");
    }
  }
  tokenizer(const tokenizer&) = delete;
  tokenizer& operator=(const tokenizer&) = delete;

  /// The number of pieces; ids are below it. A model's own vocab_size may be larger (padding).
  std::int64_t vocab_size() const { return processor_.GetPieceSize(); }

  std::optional<token_id> bos_id() const { return present(processor_.bos_id()); }
  std::optional<token_id> eos_id() const { return present(processor_.eos_id()); }

  /// The ids of `text`, after the beginning-of-sequence id if `with_bos` and the model has one.
  /// Throws `error` if `text` is not UTF-8.
  std::vector<token_id> encode(std::string_view text, bool with_bos = true) const {
    if (const auto offset = first_ill_formed(text)) {
      throw error("prompt: expected UTF-8 text, got " + in_quotes(text.substr(*offset, 1)) + " at byte " +
                  std::to_string(*offset) + "; convert the text to UTF-8");
    }
    std::vector<int> pieces;
    check(processor_.Encode(text, &pieces));
    std::vector<token_id> ids;
    if (with_bos && bos_id()) ids.push_back(*bos_id());
    ids.insert(ids.end(), pieces.begin(), pieces.end());
    return ids;
  }

  /// The text of `ids`; control pieces (beginning and end of sequence) are silent, bytes that make no code point
  /// become U+FFFD. Throws `error` for an id outside [0, vocab_size()).
  std::string decode(std::span<const token_id> ids) const {
    check_token_ids(ids, vocab_size(), path_);
    std::string text;
    check(processor_.Decode(std::vector<int>(ids.begin(), ids.end()), &text));
    return text;
  }

  /// The byte that `id` stands for, if it is one of the pieces for text outside the vocabulary ("<0x0A>").
  std::optional<char> byte_of(token_id id) const {
    check_token_ids({&id, 1}, vocab_size(), path_);
    if (!processor_.IsByte(id)) return std::nullopt;
    return static_cast<char>(std::stoi(processor_.IdToPiece(id).substr(3, 2), nullptr, 16));
  }

 private:
  static std::optional<token_id> present(int id) { return id < 0 ? std::nullopt : std::optional<token_id>(id); }

  void check(const sentencepiece::util::Status& status) const {
    if (!status.ok()) throw error(path_ + ": expected the tokenizer to succeed, got: " + status.ToString());
  }

  std::string path_;
  sentencepiece::SentencePieceProcessor processor_;
};

/// Text of a growing sequence of tokens. Law: the concatenation of everything returned, `finish()` included, equals
/// `decode` of all ids; and each returned string is complete UTF-8.
///
/// A token has no text of its own: a leading space is dropped only at the very beginning, and one code point can take
/// four byte tokens. So the stream decodes the pending tokens after some that were already returned, and returns the
/// difference.
class text_stream {
 public:
  /// `words` must outlive the stream. `ids` have been shown already (the prompt): their text is not returned again.
  explicit text_stream(const tokenizer& words, std::span<const token_id> ids = {}) : words_(&words) {
    for (const token_id id : ids) push(id);
  }

  /// Adds a token and returns the text that is certain by now: empty while a code point is incomplete.
  /// Throws `error` for an id outside the tokenizer's vocabulary.
  std::string push(token_id id) {
    const std::optional<char> byte = words_->byte_of(id);
    if (byte) {
      bytes_ += *byte;
    } else {
      bytes_.clear();
    }
    pending_.push_back(id);
    return incomplete_tail(bytes_) > 0 ? "" : flush();
  }

  /// Returns what is left at the end: the bytes of an incomplete code point, each as U+FFFD.
  std::string finish() { return flush(); }

 private:
  std::string flush() {
    std::vector<token_id> all = shown_;
    all.insert(all.end(), pending_.begin(), pending_.end());
    const std::string before = words_->decode(shown_);
    const std::string after = words_->decode(all);
    if (!after.starts_with(before)) {
      throw error(
          "tokenizer: expected text that only grows, got a model whose denormalizer rewrites it; "
          "decode the whole sequence at once");
    }
    // The context must have text as soon as anything has been returned: at a beginning, spaces are dropped.
    const bool grown = after.size() > before.size();
    if (grown && !words_->decode(pending_).empty()) {
      shown_ = std::move(pending_);
    } else if (grown || before.empty()) {
      shown_ = std::move(all);
    }
    pending_.clear();
    bytes_.clear();
    return after.substr(before.size());
  }

  const tokenizer* words_;
  std::vector<token_id> shown_;    ///< enough of the returned tokens to decode the next ones in context
  std::vector<token_id> pending_;  ///< tokens whose text has not been returned
  std::string bytes_;              ///< that the pending byte tokens stand for
};

}  // namespace llama

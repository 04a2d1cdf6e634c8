// SPDX-License-Identifier: Apache-2.0
/// Text streamed one token at a time.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "error.hpp"
#include "tokenizer.hpp"
#include "utf8.hpp"

namespace llama {

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
  /// Throws `error` for a negative id.
  std::string push(token_id id) {
    if (words_->passes_over(id)) return "";
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

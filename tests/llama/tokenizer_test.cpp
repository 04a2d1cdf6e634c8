// SPDX-License-Identifier: Apache-2.0
#include "llama/tokenizer.hpp"

#include <doctest/doctest.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "files.hpp"
#include "llama/text_stream.hpp"

using doctest::Contains;
using llama::text_stream;
using llama::token_id;
using llama::tokenizer;
using namespace std::string_literals;

namespace {

/// Feeds the trainer from memory.
class sentences : public sentencepiece::SentenceIterator {
 public:
  bool done() const override { return index_ == lines_.size(); }
  void Next() override { ++index_; }
  const std::string& value() const override { return lines_[index_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> lines_ = std::vector<std::string>(
      20, "in the beginning god created the heaven and the earth and the earth was without form and void");
  std::size_t index_ = 0;
};

/// A tokenizer trained on a sentence. `llama` models byte_fallback, keep spaces, and put one in front.
struct trained {
  explicit trained(const std::string& options) {
    sentences lines;
    std::string model;
    const auto status = sentencepiece::SentencePieceTrainer::Train(
        "--model_type=bpe --vocab_size=320 --hard_vocab_limit=false --minloglevel=3 --num_threads=1 " + options, &lines,
        &model);
    REQUIRE_MESSAGE(status.ok(), status.ToString());
    words = std::make_unique<tokenizer>(directory.write("tokenizer.model", model));
  }
  const tokenizer& operator*() const { return *words; }
  const tokenizer* operator->() const { return words.get(); }

  llama_test::temporary_directory directory;
  std::unique_ptr<tokenizer> words;
};

const trained& llama_like() {
  static const trained model(
      "--byte_fallback=true --add_dummy_prefix=true --remove_extra_whitespaces=false "
      "--normalization_rule_name=identity --user_defined_symbols=<sep>");
  return model;
}

/// Everything that a stream returns for `ids`, checking that each part is whole UTF-8.
std::string streamed(const tokenizer& words, const std::vector<token_id>& ids) {
  text_stream stream(words);
  std::string text;
  for (const token_id id : ids) {
    const std::string part = stream.push(id);
    if (llama::first_ill_formed(part)) return "ill-formed part: " + part;
    text += part;
  }
  return text + stream.finish();
}

}  // namespace

TEST_CASE("tokenizer: text survives, with its spaces") {
  const tokenizer& words = *llama_like();
  for (const std::string& text : {"the heaven and the earth"s, " leading"s, "two  spaces"s, "trailing "s,
                                  "line\nbreak\ttab"s, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"s, "<sep>x"s, ""s}) {
    CAPTURE(text);
    CHECK(words.decode(words.encode(text)) == text);
    CHECK(words.decode(words.encode(text, false)) == text);
  }
}

TEST_CASE("tokenizer: the beginning-of-sequence id is put in front on demand") {
  const tokenizer& words = *llama_like();
  REQUIRE(words.bos_id());
  REQUIRE(words.eos_id());
  const std::vector<token_id> with = words.encode("the earth"), without = words.encode("the earth", false);
  CHECK(with.front() == *words.bos_id());
  CHECK(std::vector<token_id>(with.begin() + 1, with.end()) == without);
  CHECK(words.encode("") == std::vector<token_id>{*words.bos_id()});
  CHECK(words.encode("", false).empty());

  const trained none("--bos_id=-1 --eos_id=-1");
  CHECK_FALSE(none->bos_id());
  CHECK_FALSE(none->eos_id());
  CHECK(none->encode("the earth") == none->encode("the earth", false));
}

TEST_CASE("tokenizer: byte pieces are told from others") {
  const tokenizer& words = *llama_like();
  std::string bytes;
  for (token_id id = 0; id < words.vocab_size(); ++id) {
    if (const auto byte = words.byte_of(id)) bytes += *byte;
  }
  REQUIRE(bytes.size() == 256);
  for (int byte = 0; byte < 256; ++byte) CHECK(bytes[static_cast<std::size_t>(byte)] == static_cast<char>(byte));
}

TEST_CASE("text_stream: a word's space comes with the word, none at the beginning") {
  const tokenizer& words = *llama_like();
  text_stream stream(words);
  std::vector<std::string> parts;
  for (const token_id id : words.encode("the earth and the heaven")) parts.push_back(stream.push(id));
  CHECK(parts.size() > 3);
  CHECK(parts[0] == "");  // beginning of sequence
  CHECK(parts[1].front() != ' ');
  std::string text;
  for (const std::string& part : parts) text += part;
  CHECK(text == "the earth and the heaven");
  CHECK(stream.finish() == "");
}

TEST_CASE("text_stream: continues a prompt without repeating it, and keeps the space after it") {
  const tokenizer& words = *llama_like();
  const std::vector<token_id> all = words.encode("the earth and the heaven");
  for (std::size_t split = 0; split <= all.size(); ++split) {
    const std::vector<token_id> prompt(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(split));
    text_stream stream(words, prompt);
    std::string text = words.decode(prompt);
    for (std::size_t index = split; index < all.size(); ++index) text += stream.push(all[index]);
    CHECK(text + stream.finish() == "the earth and the heaven");
  }
}

TEST_CASE("text_stream: a code point appears when its last byte does") {
  const tokenizer& words = *llama_like();
  const std::vector<token_id> ids = words.encode("a\xf0\x9f\x98\x80", false);
  REQUIRE(ids.size() >= 5);
  text_stream stream(words);
  std::string text;
  for (std::size_t index = 0; index + 4 < ids.size(); ++index) text += stream.push(ids[index]);
  CHECK(text == "a");
  CHECK(stream.push(ids[ids.size() - 4]) == "");
  CHECK(stream.push(ids[ids.size() - 3]) == "");
  CHECK(stream.push(ids[ids.size() - 2]) == "");
  CHECK(stream.push(ids[ids.size() - 1]) == "\xf0\x9f\x98\x80");
}

TEST_CASE("text_stream: broken bytes become U+FFFD, at the latest at the end") {
  const tokenizer& words = *llama_like();
  const std::vector<token_id> emoji = words.encode("\xf0\x9f\x98\x80", false);
  const token_id lead = emoji[emoji.size() - 4];
  text_stream cut(words);
  CHECK(cut.push(lead) == "");
  CHECK(cut.finish() == "\xef\xbf\xbd");

  text_stream interrupted(words);
  CHECK(interrupted.push(lead) == "");
  const std::string rest = interrupted.push(words.encode("the", false).front());
  CHECK(rest.starts_with("\xef\xbf\xbd"));
  CHECK(rest.size() > 3);
}

TEST_CASE("text_stream: any sequence of ids streams to what decode makes of the whole") {
  const trained squeezing(
      "--byte_fallback=true --add_dummy_prefix=true --remove_extra_whitespaces=true "
      "--normalization_rule_name=identity");
  const trained plain(
      "--byte_fallback=true --add_dummy_prefix=false --remove_extra_whitespaces=false "
      "--normalization_rule_name=identity");
  std::mt19937 random(1);
  for (const trained* const model : {&llama_like(), &squeezing, &plain}) {
    const tokenizer& words = **model;
    const auto size = static_cast<unsigned>(words.vocab_size());
    const token_id visible = words.encode("the", false).back();
    const std::string text = words.decode(std::vector{visible});
    std::vector<token_id> spaces, bytes;
    for (token_id id = 0; id < words.vocab_size(); ++id) {
      if (words.decode(std::vector{visible, id}) == text + " ") spaces.push_back(id);
      if (words.byte_of(id).value_or(0) < 0) bytes.push_back(id);
    }
    REQUIRE_FALSE(spaces.empty());
    REQUIRE(bytes.size() == 128);

    int wrong = 0;
    for (int round = 0; round < 3000; ++round) {
      std::vector<token_id> ids(random() % 12);
      for (token_id& id : ids) {
        const std::size_t choice = random();
        switch (random() % 4) {
          case 0:
            id = static_cast<token_id>(choice % 4);  // unknown, beginning, end, and the one after them
            break;
          case 1:
            id = spaces[choice % spaces.size()];
            break;
          case 2:
            id = bytes[choice % bytes.size()];
            break;
          default:
            id = static_cast<token_id>(choice % size);
        }
      }
      wrong += streamed(words, ids) != words.decode(ids);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("tokenizer: ids beyond the tokenizer are shown as nothing, negative ones are errors") {
  const tokenizer& words = *llama_like();
  const auto size = static_cast<token_id>(words.vocab_size());
  const std::vector<token_id> ids = words.encode("the earth");
  REQUIRE(ids.size() == 3);
  const std::vector<token_id> padded{ids[0], size, ids[1], size + 1000, ids[2], size};
  CHECK(words.decode(padded) == "the earth");
  CHECK(streamed(words, padded) == words.decode(padded));
  CHECK_FALSE(words.byte_of(size));
  text_stream stream(words);
  const char* const message = "tokenizer.model: expected a token id of at least 0, got -1";
  CHECK_THROWS_WITH_AS(words.decode(std::vector<token_id>{1, -1}), Contains(message), llama::error);
  CHECK_THROWS_WITH_AS(words.byte_of(-1), Contains(message), llama::error);
  CHECK_THROWS_WITH_AS(stream.push(-1), Contains(message), llama::error);
}

TEST_CASE("tokenizer: added tokens are shown as their content, special ones as nothing") {
  const trained plain("--byte_fallback=true --add_dummy_prefix=true --remove_extra_whitespaces=false");
  const auto size = static_cast<token_id>(plain->vocab_size());
  llama::tokenizer_config config;
  config.added = {{size, "<shown>"}, {size + 2, "<hidden>", true}, {2, "</s>", true}};
  const tokenizer words(plain.directory.path() / "tokenizer.model", config);
  const std::vector<token_id> text = words.encode("the earth<shown> and<hidden>the</s>");
  CHECK(text.back() == 2);
  CHECK(std::count(text.begin(), text.end(), size) == 1);
  CHECK(std::count(text.begin(), text.end(), size + 2) == 1);
  CHECK(words.decode(text) == "the earth<shown> andthe");

  std::mt19937 random(2);
  int wrong = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<token_id> ids(random() % 12);
    for (token_id& id : ids)
      id = static_cast<token_id>(random() % 2 ? random() % 4 + static_cast<unsigned>(size)
                                              : random() % static_cast<unsigned>(size));
    wrong += streamed(words, ids) != words.decode(ids);
  }
  CHECK(wrong == 0);
}

TEST_CASE("tokenizer: added and special tokens in a text, as transformers finds and shows them") {
  const std::filesystem::path source(FUSE_SOURCE_DIR);
  const auto file = source / "tests/llama/references/tokens_in_text.json";
  const llama_test::temporary_directory directory;
  std::filesystem::copy(source / "examples/llama/model/tokenizer.model", directory.path());
  const nlohmann::json entries = llama::parse_json(llama::mapped_file(file).text(), "tokens_in_text.json");
  CHECK(entries.size() >= 6);
  for (const nlohmann::json& entry : entries) {
    const std::string config = entry.at("config").dump();
    CAPTURE(config);
    directory.write("tokenizer_config.json", config);
    const auto words = llama::open_tokenizer(directory.path());
    for (const nlohmann::json& row : entry.at("encoded")) {
      const auto text = row.at(0).get<std::string>();
      CAPTURE(text);
      CHECK(words->encode(text) == row.at(1).get<std::vector<token_id>>());
    }
    for (const nlohmann::json& row : entry.at("decoded")) {
      const auto ids = row.at(0).get<std::vector<token_id>>();
      const auto text = row.at(1).get<std::string>();
      CAPTURE(text);
      CHECK(words->decode(ids) == text);
      CHECK(streamed(*words, ids) == text);
    }
  }
}

TEST_CASE("tokenizer: the older added_tokens.json counts where tokenizer_config.json adds nothing") {
  const trained plain("--byte_fallback=true");
  const std::filesystem::path directory = plain.directory.path();
  const auto ids = [&] { return llama::open_tokenizer(directory)->encode("<old>", false); };
  CHECK(ids().size() > 1);
  plain.directory.write("added_tokens.json", R"({"<old>": 5000})");
  CHECK(ids() == std::vector<token_id>{5000});
  plain.directory.write("tokenizer_config.json", R"({"add_bos_token": false})");
  CHECK(ids() == std::vector<token_id>{5000});
  CHECK(llama::open_tokenizer(directory)->encode("").empty());
  plain.directory.write("tokenizer_config.json", R"({"added_tokens_decoder": {"5001": {"content": "<old>"}}})");
  CHECK(ids() == std::vector<token_id>{5001});
  plain.directory.write("added_tokens.json", R"({"<old>": -1})");
  plain.directory.write("tokenizer_config.json", "{}");
  CHECK_THROWS_WITH_AS(ids(), Contains("added_tokens.json: <old>: expected a token id from 0 to 2^31 - 1, got -1"),
                       llama::error);
}

TEST_CASE("tokenizer: a directory without tokenizer.model says what it has") {
  const llama_test::temporary_directory directory;
  const auto refused = [&](const std::string& message) {
    CHECK_THROWS_WITH_AS(llama::open_tokenizer(directory.path()),
                         ("llama: " + directory.path().string() + ": expected tokenizer.model, got " + message).c_str(),
                         llama::error);
  };
  refused("no tokenizer; download tokenizer.model too, or give token ids with --tokens");
  directory.write("tokenizer.json", "{}");
  refused("tokenizer.json alone; only models of SentencePiece are read: give token ids with --tokens");
}

TEST_CASE("tokenizer: a prompt that is not UTF-8 is an error") {
  CHECK_THROWS_WITH_AS(llama_like()->encode("caf\xe9!"),
                       "llama: prompt: expected UTF-8 text, got \"\\xe9\" at byte 3; convert the text to UTF-8",
                       llama::error);
}

TEST_CASE("tokenizer: a file that is no SentencePiece model is an error") {
  const llama_test::temporary_directory directory;
  CHECK_THROWS_WITH_AS(tokenizer(directory.path() / "tokenizer.model"), Contains("No such file or directory"),
                       llama::error);
  const auto pointer = directory.write("tokenizer.model", "version https://git-lfs.github.com/spec/v1\n");
  CHECK_THROWS_WITH_AS(tokenizer{pointer}, Contains("expected a SentencePiece model, got a pointer of Git LFS"),
                       llama::error);
  for (const std::string& content : {"{\"version\":\"1.0\"}"s, ""s, "\xff\xff\xff\xff"s}) {
    const auto path = directory.write("tokenizer.model", content);
    CHECK_THROWS_WITH_AS(tokenizer{path}, Contains("tokenizer.model: expected a SentencePiece model, got: "),
                         llama::error);
  }
}

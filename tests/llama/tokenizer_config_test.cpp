// SPDX-License-Identifier: Apache-2.0
#include "llama/tokenizer_config.hpp"

#include <doctest/doctest.h>

#include <string>

#include "llama/added_tokens.hpp"

using doctest::Contains;
using llama::parse_tokenizer_config;

namespace {

void check_rejected(const std::string& text, const char* message) {
  CHECK_THROWS_WITH_AS(parse_tokenizer_config(text), Contains(message), llama::error);
}

}  // namespace

TEST_CASE("tokenizer_config: every field arrives, and absent and null ones have defaults") {
  const llama::tokenizer_config all = parse_tokenizer_config(
      R"({"add_bos_token": false, "add_prefix_space": false, "legacy": true, "bos_token": "<b>",
          "added_tokens_decoder": {"7": {"content": "<x>", "special": true, "lstrip": true, "rstrip": true,
                                         "normalized": false, "single_word": false},
                                   "9": {"content": "<y>"}, "10": {"content": ""}}})");
  CHECK_FALSE(all.add_bos_token);
  CHECK_FALSE(all.add_prefix_space);
  CHECK(all.legacy);
  CHECK(all.bos_token == "<b>");
  REQUIRE(all.added.size() == 2);
  CHECK((all.added[0].id == 7 && all.added[0].content == "<x>" && all.added[0].special));
  CHECK((all.added[0].lstrip && all.added[0].rstrip));
  CHECK((all.added[1].id == 9 && all.added[1].content == "<y>" && !all.added[1].special));
  CHECK_FALSE((all.added[1].lstrip || all.added[1].rstrip));

  for (const char* const text : {"{}", R"({"add_bos_token": null, "bos_token": null, "added_tokens_decoder": null})"}) {
    const llama::tokenizer_config none = parse_tokenizer_config(text);
    CHECK(none.add_bos_token);
    CHECK(none.add_prefix_space);
    CHECK_FALSE(none.legacy);
    CHECK(none.bos_token.empty());
    CHECK(none.added.empty());
  }
  CHECK_NOTHROW(parse_tokenizer_config(R"({"model_max_length": 1000000000000000019884624838656})"));
  CHECK(parse_tokenizer_config(R"({"bos_token": {"content": "<b>", "__type": "AddedToken"}})").bos_token == "<b>");
}

TEST_CASE("tokenizer_config: wrong types and impossible ids are errors") {
  check_rejected("[]", "tokenizer_config.json: expected a JSON object, got []");
  check_rejected(R"({"add_bos_token": 1})", "add_bos_token: expected true or false, got 1");
  check_rejected(R"({"bos_token": 1})", "bos_token: expected a string, got 1");
  check_rejected(R"({"added_tokens_decoder": []})", "added_tokens_decoder: expected a JSON object, got []");
  check_rejected(R"({"added_tokens_decoder": {"7": "<x>"}})", "added_tokens_decoder.7: expected a JSON object");
  check_rejected(R"({"added_tokens_decoder": {"7": {}}})",
                 "added_tokens_decoder.7.content: expected a string, got nothing");
  for (const char* const key : {"-1", "x", "", "7.0", "2147483648"}) {
    const std::string text = R"({"added_tokens_decoder": {")" + std::string(key) + R"(": {"content": "<x>"}}})";
    check_rejected(text, "expected token ids from 0 to 2^31 - 1 as the keys");
  }
  check_rejected(R"({"added_tokens_decoder": {"\u001b[2J": {"content": "<x>"}}})",
                 "\"added_tokens_decoder.\\x1b[2J\": expected token ids");
  CHECK_THROWS_WITH_AS(llama::parse_added_tokens(R"({"<x>": "7"})"),
                       Contains("added_tokens.json: <x>: expected a token id from 0 to 2^31 - 1, got \"7\""),
                       llama::error);
  CHECK(llama::parse_added_tokens(R"({"<x>": 7, "": 8})").size() == 1);
}

TEST_CASE("added_tokens: the first in a text, of several at one place the longest, with white space if it takes it") {
  llama::added_tokens tokens;
  for (const llama::added_token& token : {llama::added_token{1, "<a"},
                                          {2, "<a>b"},
                                          {3, "<a>"},
                                          {4, "<l>", true, true},
                                          {5, "<r>", true, false, true},
                                          {6, "<a>"}})
    tokens.add(token);
  const auto check = [&](std::string_view text, std::string_view before, int id, std::string_view rest) {
    CAPTURE(text);
    const llama::added_tokens::split part = tokens.first_in(text);
    CHECK(part.before == before);
    CHECK((part.token ? part.token->id : 0) == id);
    CHECK(part.rest == rest);
  };
  check("", "", 0, "");
  check("plain < text", "plain < text", 0, "");
  check("x<a>", "x", 3, "");
  check("x<a>bc<a", "x", 2, "c<a");
  check("x <a> y", "x ", 3, " y");
  check("x \n<l> y", "x", 4, " y");
  check("x <r> \n y", "x ", 5, "y");
  check(" \n<l>", "", 4, "");
  check("<r> ", "", 5, "");
  CHECK(tokens.find("<a>")->id == 3);
  CHECK(tokens.find("<b>") == nullptr);
  CHECK(tokens.find(6)->content == "<a>");
  CHECK(tokens.find(7) == nullptr);
}

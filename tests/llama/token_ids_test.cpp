// SPDX-License-Identifier: Apache-2.0
#include "llama/token_ids.hpp"

#include <doctest/doctest.h>

#include <vector>

using doctest::Contains;
using llama::token_id;

namespace {

std::vector<token_id> parse(std::string_view text, std::int64_t vocab_size) {
  return llama::parse_token_ids(text, vocab_size, "--tokens");
}

}  // namespace

TEST_CASE("token_ids: a list of integers, with commas or white space") {
  CHECK(parse("1,2,3", 10) == std::vector<token_id>{1, 2, 3});
  CHECK(parse("7", 8) == std::vector<token_id>{7});
  CHECK(parse(" 0 , 09 ,  2", 10) == std::vector<token_id>{0, 9, 2});
  CHECK(parse("1 2\n3\r\n4,\t5\n", 10) == std::vector<token_id>{1, 2, 3, 4, 5});
}

TEST_CASE("token_ids: anything else is an error that shows the item") {
  CHECK_THROWS_WITH_AS(parse("1,two,3", 10),
                       "llama: --tokens: expected integers separated by commas or white space, got \"two\"; write for "
                       "example 1,2,3",
                       llama::error);
  for (const char* const text : {"", " ", ",", "1,", ",1", "1,,2", "1, ,2", "1;2", "1.5", "0x1", "+1", "1,2\n,\n"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(parse(text, 10), Contains("expected integers separated by commas"), llama::error);
  }
}

TEST_CASE("token_ids: an id outside the vocabulary is an error that says which and where") {
  CHECK_THROWS_WITH_AS(
      parse("1,10,3", 10),
      "llama: --tokens: expected token ids from 0 to 9, got 10 (number 2 of 3); use the tokenizer that "
      "belongs to the model",
      llama::error);
  CHECK_THROWS_WITH_AS(parse("-1", 10), Contains("from 0 to 9, got -1 (number 1 of 1)"), llama::error);
  CHECK_THROWS_WITH_AS(parse("1,99999999999", 10), Contains("from 0 to 9, got \"99999999999\""), llama::error);
  CHECK_NOTHROW(llama::check_token_ids(std::vector<token_id>{0, 9}, 10, "prompt"));
  CHECK_NOTHROW(llama::check_token_ids({}, 10, "prompt"));
}

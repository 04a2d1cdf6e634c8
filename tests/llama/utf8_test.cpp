// SPDX-License-Identifier: Apache-2.0
#include "llama/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

#include "llama/error.hpp"

using namespace std::string_literals;

namespace {

/// UTF-8 of a code point by the definition of RFC 3629, section 3, without any check.
std::string encode(std::uint32_t point) {
  const auto trail = [&](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xc0 | point >> 6), trail(0)};
  if (point < 0x10000) return {static_cast<char>(0xe0 | point >> 12), trail(6), trail(0)};
  return {static_cast<char>(0xf0 | point >> 18), trail(12), trail(6), trail(0)};
}

}  // namespace

TEST_CASE("utf8: exactly the scalar values up to U+10FFFF are well formed") {
  std::size_t wrong = 0;
  for (std::uint32_t point = 0; point < 0x120000; ++point) {
    const std::string text = encode(point);
    const llama::utf8_front front = llama::front_code_point(text);
    const bool scalar = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    const bool accepted = front.state == llama::utf8_state::well_formed && front.length == text.size();
    wrong += accepted != scalar;
  }
  CHECK(wrong == 0);
}

TEST_CASE("utf8: every proper prefix of a code point is incomplete, and completes") {
  for (const std::uint32_t point : {0xe4u, 0x20acu, 0xd7ffu, 0xe000u, 0xfffdu, 0x1f600u, 0x10ffffu}) {
    const std::string text = encode(point);
    for (std::size_t length = 1; length < text.size(); ++length) {
      const llama::utf8_front front = llama::front_code_point(text.substr(0, length));
      CHECK(front.state == llama::utf8_state::incomplete);
      CHECK(front.length == length);
      CHECK(llama::incomplete_tail("ab" + text.substr(0, length)) == length);
    }
    CHECK(llama::incomplete_tail("ab" + text) == 0);
  }
}

TEST_CASE("utf8: overlong forms, surrogates, stray and missing trail bytes are ill formed") {
  for (const std::string& text : {"\xc0\x80"s, "\xc1\xbf"s, "\xe0\x80\x80"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s,
                                  "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s, "\xf5"s, "\xff"s, "\x80"s, "\xe2\x28"s}) {
    CHECK(llama::front_code_point(text).state == llama::utf8_state::ill_formed);
    CHECK(llama::first_ill_formed("ok" + text) == 2);
    CHECK(llama::incomplete_tail(text) == 0);
  }
  CHECK(llama::first_ill_formed("\xe2\x82\xac, \xf0\x9f\x98\x80") == std::nullopt);
  CHECK(llama::first_ill_formed("") == std::nullopt);
  CHECK_MESSAGE(llama::first_ill_formed("ab\xe2\x82") == 2, "an incomplete code point at the end");
}

TEST_CASE("error: in_quotes keeps control bytes from a terminal and shortens") {
  CHECK(llama::in_quotes("model.norm.weight") == "\"model.norm.weight\"");
  CHECK(llama::in_quotes("a\x1b[31m\n\"\\\x7f\xc3\xa4"s) == R"("a\x1b[31m\x0a\"\\\x7f\xc3\xa4")");
  CHECK(llama::in_quotes(std::string(81, 'x')) == "\"" + std::string(80, 'x') + "...\"");
  CHECK(llama::in_quotes(std::string(80, 'x')) == "\"" + std::string(80, 'x') + "\"");
}

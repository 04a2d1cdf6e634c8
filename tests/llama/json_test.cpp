// SPDX-License-Identifier: Apache-2.0
#include "llama/json.hpp"

#include <doctest/doctest.h>

#include <string>

using doctest::Contains;
using llama::parse_json;
using namespace std::string_literals;

namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("json: values arrive unchanged") {
  const std::string text = R"({"a":[1,-2,2.5,true,null,"x",{},[]],"b":{"c":{"d":18446744073709551615}},"e":[]})";
  CHECK(parse_json(text, "file").dump() == text);
  CHECK(parse_json(" 7 ", "file") == 7);
  CHECK(parse_json(R"("\u00e4\ud83d\ude00")", "file") == "\xc3\xa4\xf0\x9f\x98\x80");
}

TEST_CASE("json: agrees with the library's own parser on texts without equal keys") {
  for (const char* const text : {R"([[[]],[{"a":[{}]}],{"b":{"a":1}}])", R"({"":{"":[{"":0}]}})", "[-0,0.0,1e2,-7]"}) {
    CHECK(parse_json(text, "file") == nlohmann::json::parse(text));
  }
}

TEST_CASE("json: damaged text is an error that says where") {
  CHECK_THROWS_WITH_AS(parse_json("{\"a\":1,}", "config.json"),
                       "llama: config.json: expected valid JSON, got \"1,}\" at byte 8; the file is damaged, "
                       "download or write it again",
                       llama::error);
  for (const char* const text : {"", " ", "{", "[1", "{\"a\"}", "[1]2", "nul", "'a'", "\"a", "[1,]", "{1:2}", "01",
                                 "+1", "NaN", "// c\n1", "\"\\ud800\"", "1e999", "\"\n\""}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(parse_json(text, "file"), Contains("llama: file: expected valid JSON, got "), llama::error);
  }
}

TEST_CASE("json: nothing may hide behind a NUL byte") {
  CHECK_THROWS_WITH_AS(parse_json("{}\0{}"s, "file"), Contains("expected valid JSON, got \"\\x00\" at byte 2"),
                       llama::error);
}

TEST_CASE("json: text that is not UTF-8 is an error, in strings and outside") {
  CHECK_THROWS_WITH_AS(parse_json("{\"a\xff\":1}", "file"),
                       "llama: file: expected UTF-8 text, got \"\\xff\" at byte 3; the file is damaged or not JSON",
                       llama::error);
  CHECK_THROWS_WITH_AS(parse_json("{}\x80", "file"), Contains("expected UTF-8 text"), llama::error);
  CHECK_NOTHROW(parse_json("{\"a\xc3\xa4\":1}", "file"));
}

TEST_CASE("json: equal keys in one object are an error, however they are spelt; in two objects they are not") {
  CHECK_THROWS_WITH_AS(parse_json(R"({"a":1,"b":2,"a":1})", "file"),
                       Contains("expected every key once in an object, got \"a\" twice"), llama::error);
  CHECK_THROWS_WITH_AS(parse_json(R"({"a":1,"\u0061":1})", "file"), Contains("got \"a\" twice"), llama::error);
  CHECK_THROWS_WITH_AS(parse_json(R"([{"x":{"k":1,"k":2}}])", "file"), Contains("got \"k\" twice"), llama::error);
  CHECK_NOTHROW(parse_json(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]})", "file"));
}

TEST_CASE("json: nesting is bounded") {
  CHECK_NOTHROW(parse_json(nested(llama::json_depth_limit), "file"));
  CHECK_THROWS_WITH_AS(parse_json(nested(llama::json_depth_limit + 1), "file"), Contains("nested at most 32 levels"),
                       llama::error);
  CHECK_THROWS_WITH_AS(parse_json(std::string(10'000'000, '['), "file"), Contains("nested at most 32 levels"),
                       llama::error);
  std::string objects;
  for (int level = 0; level < 100'000; ++level) objects += "{\"a\":";
  CHECK_THROWS_WITH_AS(parse_json(objects, "file"), Contains("nested at most 32 levels"), llama::error);
}

TEST_CASE("json: a natural number is an integer of [0, 2^63)") {
  CHECK(llama::natural_number(parse_json("0", "file")) == 0);
  CHECK(llama::natural_number(parse_json("-0", "file")) == 0);
  CHECK(llama::natural_number(parse_json("9223372036854775807", "file")) == std::numeric_limits<std::int64_t>::max());
  for (const char* const text : {"9223372036854775808", "18446744073709551615", "18446744073709551616", "-1", "1.0",
                                 "1e3", "true", "\"1\"", "null", "[1]"}) {
    CAPTURE(text);
    CHECK(llama::natural_number(parse_json(text, "file")) == std::nullopt);
  }
}

TEST_CASE("json: an error shows a value in one short line") {
  CHECK(llama::shown(parse_json("-3", "file")) == "-3");
  CHECK(llama::shown(parse_json("[1,\"\\u00e4\"]", "file")) == "[1,\"\\u00e4\"]");
  CHECK(llama::shown(parse_json("\"a\\u001b\"", "file")) == "\"a\\x1b\"");
  CHECK(llama::shown(parse_json("{\"a\":1}", "file")) == "an object");
  CHECK(llama::shown(parse_json("[1,2,3,4,5,6,7,8,9]", "file")) == "an array of 9 values");
  CHECK(llama::shown(parse_json("[\"" + std::string(500, 'x') + "\"]", "file")).size() == 80);
}

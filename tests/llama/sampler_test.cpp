// SPDX-License-Identifier: Apache-2.0
#include "llama/sampler.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

using doctest::Contains;
using llama::sampler;
using llama::token_id;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Logits of these probabilities.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double probability : probabilities) logits.push_back(static_cast<float>(std::log(probability)));
  return logits;
}

/// How often each token comes in `draws` calls.
std::vector<int> counts(const llama::sampling& options, const std::vector<float>& logits, int draws = 20000) {
  sampler next(options);
  std::vector<int> result(logits.size());
  for (int draw = 0; draw < draws; ++draw) ++result[static_cast<std::size_t>(next(logits))];
  return result;
}

std::set<std::size_t> drawn(const llama::sampling& options, const std::vector<float>& logits) {
  const std::vector<int> result = counts(options, logits);
  std::set<std::size_t> tokens;
  for (std::size_t id = 0; id < result.size(); ++id) {
    if (result[id] > 0) tokens.insert(id);
  }
  return tokens;
}

/// 20000 draws: five standard deviations of a frequency are at most 0.018.
void check_frequencies(const std::vector<int>& result, const std::vector<double>& expected) {
  REQUIRE(result.size() == expected.size());
  for (std::size_t id = 0; id < expected.size(); ++id) {
    CAPTURE(id);
    CHECK(std::abs(result[id] / 20000.0 - expected[id]) < 0.018);
  }
}

}  // namespace

TEST_CASE("sampler: greedy takes the largest logit, and the lowest id of equals") {
  sampler next({});
  CHECK(next(std::vector<float>{1, 3, 2}) == 1);
  CHECK(next(std::vector<float>{-5, 3, 3, 3}) == 1);
  CHECK(next(std::vector<float>{0, 0}) == 0);
  CHECK(next(std::vector<float>{-0.0f, 0.0f}) == 0);
  CHECK(next(std::vector<float>{-infinity, -infinity, -3e38f}) == 2);
  CHECK(next(std::vector<float>{7}) == 0);
}

TEST_CASE("sampler: draws follow the distribution") {
  const std::vector<double> probabilities{0.5, 0.05, 0.25, 0.2};
  check_frequencies(counts({.temperature = 1}, logits_of(probabilities)), probabilities);
}

TEST_CASE("sampler: temperature sharpens and flattens") {
  const std::vector<float> logits = logits_of({0.8, 0.2});
  check_frequencies(counts({.temperature = 0.5}, logits), {0.64 / 0.68, 0.04 / 0.68});
  check_frequencies(counts({.temperature = 2}, logits), {2.0 / 3, 1.0 / 3});
  CHECK(drawn({.temperature = 1e-300}, logits) == std::set<std::size_t>{0});
  check_frequencies(counts({.temperature = 1e300}, logits), {0.5, 0.5});
}

TEST_CASE("sampler: top_k keeps the k most probable tokens, and the lowest ids of equals") {
  const std::vector<double> probabilities{0.1, 0.4, 0.2, 0.3};
  check_frequencies(counts({.temperature = 1, .top_k = 2}, logits_of(probabilities)), {0, 4.0 / 7, 0, 3.0 / 7});
  CHECK(drawn({.temperature = 1, .top_k = 1}, logits_of(probabilities)) == std::set<std::size_t>{1});
  check_frequencies(counts({.temperature = 1, .top_k = 4}, logits_of(probabilities)), probabilities);
  check_frequencies(counts({.temperature = 1, .top_k = 1000}, logits_of(probabilities)), probabilities);
  CHECK(drawn({.temperature = 1, .top_k = 3}, {0, 1, 0, 0, 0}) == std::set<std::size_t>{0, 1, 2});
}

TEST_CASE("sampler: top_p keeps the fewest tokens that reach it, at least one, and the lowest ids of equals") {
  const std::vector<float> logits = logits_of({0.1, 0.4, 0.2, 0.3});
  check_frequencies(counts({.temperature = 1, .top_p = 0.6}, logits), {0, 4.0 / 7, 0, 3.0 / 7});
  CHECK(drawn({.temperature = 1, .top_p = 0.71}, logits) == std::set<std::size_t>{1, 2, 3});
  CHECK(drawn({.temperature = 1, .top_p = 0.39}, logits) == std::set<std::size_t>{1});
  CHECK(drawn({.temperature = 1, .top_p = 1e-300}, logits) == std::set<std::size_t>{1});
  CHECK(drawn({.temperature = 1, .top_p = 1}, logits).size() == 4);
  CHECK(drawn({.temperature = 1, .top_p = 0.5}, {0, 0, 0, 0}) == std::set<std::size_t>{0, 1});
}

TEST_CASE("sampler: top_p counts what temperature and top_k leave") {
  const std::vector<float> logits = logits_of({0.4, 0.3, 0.2, 0.1});
  CHECK(drawn({.temperature = 1, .top_k = 2, .top_p = 0.5}, logits) == std::set<std::size_t>{0});
  CHECK(drawn({.temperature = 1, .top_p = 0.5}, logits) == std::set<std::size_t>{0, 1});
  CHECK(drawn({.temperature = 0.25, .top_p = 0.5}, logits) == std::set<std::size_t>{0});
}

TEST_CASE("sampler: excluded tokens never come") {
  CHECK(drawn({.temperature = 1}, {0, -infinity, 0, -infinity}) == std::set<std::size_t>{0, 2});
  CHECK(drawn({.temperature = 1e300}, {0, -infinity}) == std::set<std::size_t>{0});
}

TEST_CASE("sampler: a seed fixes the tokens") {
  std::vector<float> logits(1000);
  for (std::size_t id = 0; id < logits.size(); ++id) logits[id] = static_cast<float>(id % 17) * 0.25f;
  const auto sequence = [&](const llama::sampling& options) {
    sampler next(options);
    std::vector<token_id> tokens;
    for (int draw = 0; draw < 8; ++draw) tokens.push_back(next(logits));
    return tokens;
  };
  for (const llama::sampling& options :
       {llama::sampling{.temperature = 0.8, .seed = 7}, llama::sampling{.temperature = 0.8, .top_k = 50, .seed = 7},
        llama::sampling{.temperature = 0.8, .top_p = 0.9, .seed = 7}}) {
    llama::sampling other = options;
    other.seed = 8;
    CHECK(sequence(options) == sequence(options));
    CHECK(sequence(options) != sequence(other));
  }
  // The 64-bit Mersenne twister's output is fixed by the standard, so these hold on every platform.
  CHECK(sequence({.temperature = 1, .seed = 42}) == std::vector<token_id>{757, 642, 747, 135, 900, 99, 575, 373});
}

TEST_CASE("sampler: logits that are not numbers are errors") {
  for (const double temperature : {0.0, 1.0}) {
    sampler next({.temperature = temperature});
    CHECK_THROWS_WITH_AS(next(std::vector<float>{0, NAN}), Contains("logits: expected numbers, got "), llama::error);
    CHECK_THROWS_WITH_AS(next(std::vector<float>{0, 1, NAN}), Contains("for token 2; the weights are damaged"),
                         llama::error);
    CHECK_THROWS_WITH_AS(next(std::vector<float>{infinity, 0}), Contains("got inf for token 0"), llama::error);
    CHECK_THROWS_WITH_AS(next(std::vector<float>{-infinity, -infinity}),
                         Contains("expected at least one token with a finite logit, got none among 2"), llama::error);
    CHECK_THROWS_WITH_AS(next({}), Contains("got none among 0"), llama::error);
    CHECK(next(std::vector<float>{0, -infinity}) == 0);
  }
}

TEST_CASE("sampler: impossible options are errors") {
  for (const double temperature : {-0.1, -1e300, static_cast<double>(infinity), std::nan("")}) {
    CHECK_THROWS_WITH_AS(sampler({.temperature = temperature}),
                         Contains("--temperature: expected a finite number of at least 0, got "), llama::error);
  }
  CHECK_THROWS_WITH_AS(sampler({.top_k = -1}), "llama: --top-k: expected at least 0, got -1; 0 keeps every token",
                       llama::error);
  for (const double top_p : {0.0, -0.5, 1.0001, static_cast<double>(infinity), std::nan("")}) {
    CHECK_THROWS_WITH_AS(sampler({.top_p = top_p}), Contains("--top-p: expected a number above 0 and at most 1, got "),
                         llama::error);
  }
  CHECK_NOTHROW(sampler({.temperature = 0.7, .top_k = 40, .top_p = 0.95, .seed = 1}));
}

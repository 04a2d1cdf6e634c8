// SPDX-License-Identifier: Apache-2.0
#include "llama/sampler.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

using doctest::Contains;
using llama::token_id;

namespace {

using executor = fuse::host_executor<fuse::modes::any>;
using vocabulary = fuse::extents<fuse::dyn>;

constexpr float infinity = std::numeric_limits<float>::infinity();

/// A sampler with an empty sequence: the first choice is at place 1.
class choosing {
 public:
  choosing(const llama::sampling& options, std::size_t vocab, int most, std::vector<token_id> stop = {},
           fuse::mode how = fuse::mode::fused)
      : executor_(how), sampler_(executor_, options, static_cast<fuse::index>(vocab), stop) {
    s.token = fuse::tensor<token_id, llama::one>({1}, {0});
    s.tokens = fuse::tensor<token_id, vocabulary>({most + 1});
    length_ = fuse::tensor<fuse::index, llama::one>({1}, {0});
    s.length = length_.view();
    s.until = fuse::tensor<fuse::index, llama::one>({1}, {most});
    s.going = fuse::tensor<bool, llama::one>({1}, {true});
  }
  token_id operator()(const std::vector<float>& logits) {
    sampler_({logits.data(), {static_cast<fuse::index>(logits.size())}}, s);
    CHECK(s.tokens[s.length.data()[0]] == s.token[0]);
    return s.token[0];
  }

  llama::sequence s;

 private:
  executor executor_;
  llama::sampler<executor> sampler_;
  fuse::tensor<fuse::index, llama::one> length_;
};
token_id choose(const llama::sampling& options, const std::vector<float>& logits) {
  return choosing(options, logits.size(), 1)(logits);
}

/// Logits of these probabilities.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double probability : probabilities) logits.push_back(static_cast<float>(std::log(probability)));
  return logits;
}

/// How often each token comes in `draws` calls.
std::vector<int> counts(const llama::sampling& options, const std::vector<float>& logits, int draws = 20000) {
  choosing next(options, logits.size(), draws);
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

/// The largest scaled logit with Gumbel noise, in f64, from a counter-based generator in unsigned words.
token_id expected_choice(const std::vector<float>& logits, double temperature, std::uint32_t key, std::uint32_t place) {
  double best = -INFINITY;
  token_id token = -1;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    auto left = static_cast<std::uint32_t>(id);
    std::uint32_t right = place, round_key = key;
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t product = std::uint64_t(0xd256d193) * left;
      left = static_cast<std::uint32_t>(product >> 32) ^ round_key ^ right;
      right = static_cast<std::uint32_t>(product);
      round_key += 0x9e3779b9;
    }
    const double score = logits[id] / temperature - std::log(-std::log1p(-(left + 0.5) * 0x1p-32));
    if (score > best) best = score, token = static_cast<token_id>(id);
  }
  return token;
}

}  // namespace

TEST_CASE("sampler: greedy takes the largest logit, and the lowest id of equals") {
  const llama::sampling greedy;
  CHECK(choose(greedy, {1, 3, 2}) == 1);
  CHECK(choose(greedy, {-5, 3, 3, 3}) == 1);
  CHECK(choose(greedy, {0, 0}) == 0);
  CHECK(choose(greedy, {-0.0f, 0.0f}) == 0);
  CHECK(choose(greedy, {-infinity, -infinity, -3e38f}) == 2);
  CHECK(choose(greedy, {7}) == 0);
}

TEST_CASE("sampler: the generator gives the published words") {
  // philox2x32 with 10 rounds, first word: kat_vectors of Random123.
  constexpr auto words = fuse::compile<"words">([](auto l, auto r, auto k) { return llama::philox(l, r, k); });
  using three = fuse::tensor<fuse::index, fuse::extents<3>>;
  executor e;
  const auto w = words(e, three({3}, {0, 0xffffffff, 0x243f6a88}), three({3}, {0, 0xffffffff, 0x85a308d3}),
                       three({3}, {0, 0xffffffff, 0x13198a2e}));
  CHECK(w[0] == 0xff1dae59);
  CHECK(w[1] == 0x2c3f628b);
  CHECK(w[2] == 0xdd7ce038);
}

TEST_CASE("sampler: a sequence grows by its choices, and goes on until its length or an end token") {
  choosing next({}, 3, 3, {2});
  CHECK(next({0, 1, 0}) == 1);
  CHECK(next.s.length.data()[0] == 1);
  CHECK(next.s.going[0]);
  CHECK(next({1, 0, 0}) == 0);
  CHECK(next.s.going[0]);
  CHECK(next({1, 0, 0}) == 0);
  CHECK(next.s.length.data()[0] == 3);
  CHECK_FALSE(next.s.going[0]);
  choosing stopped({}, 3, 3, {2});
  CHECK(stopped({0, 0, 1}) == 2);
  CHECK_FALSE(stopped.s.going[0]);
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

TEST_CASE("sampler: top_k keeps the k most probable tokens, and the equals of the last") {
  const std::vector<double> probabilities{0.1, 0.4, 0.2, 0.3};
  check_frequencies(counts({.temperature = 1, .top_k = 2}, logits_of(probabilities)), {0, 4.0 / 7, 0, 3.0 / 7});
  CHECK(drawn({.temperature = 1, .top_k = 1}, logits_of(probabilities)) == std::set<std::size_t>{1});
  check_frequencies(counts({.temperature = 1, .top_k = 4}, logits_of(probabilities)), probabilities);
  check_frequencies(counts({.temperature = 1, .top_k = 1000}, logits_of(probabilities)), probabilities);
  CHECK(drawn({.temperature = 1, .top_k = 3}, {0, 1, 0, -9, 0}) == std::set<std::size_t>{0, 1, 2, 4});
  // Far apart, and one part in a million apart.
  CHECK(drawn({.temperature = 1, .top_k = 2}, {-60, -61, -59.9f, -30}) == std::set<std::size_t>{3});
  CHECK(drawn({.temperature = 1, .top_k = 2}, {1, 1.000002f, 1.000001f}) == std::set<std::size_t>{1, 2});
}

TEST_CASE("sampler: top_p keeps the fewest tokens that reach it, at least one, and equals of the last") {
  const std::vector<float> logits = logits_of({0.1, 0.4, 0.2, 0.3});
  check_frequencies(counts({.temperature = 1, .top_p = 0.6}, logits), {0, 4.0 / 7, 0, 3.0 / 7});
  CHECK(drawn({.temperature = 1, .top_p = 0.71}, logits) == std::set<std::size_t>{1, 2, 3});
  CHECK(drawn({.temperature = 1, .top_p = 0.39}, logits) == std::set<std::size_t>{1});
  CHECK(drawn({.temperature = 1, .top_p = 1e-300}, logits) == std::set<std::size_t>{1});
  CHECK(drawn({.temperature = 1, .top_p = 1}, logits).size() == 4);
  CHECK(drawn({.temperature = 1, .top_p = 0.5}, {0, 0, 0, -9}) == std::set<std::size_t>{0, 1, 2});
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

TEST_CASE("sampler: a seed fixes the tokens, eager as fused") {
  std::vector<float> logits(1000);
  for (std::size_t id = 0; id < logits.size(); ++id) logits[id] = static_cast<float>(id % 17) * 0.25f;
  const auto sequence = [&](const llama::sampling& options, fuse::mode how = fuse::mode::fused) {
    choosing next(options, logits.size(), 8, {}, how);
    std::vector<token_id> tokens;
    for (int draw = 0; draw < 8; ++draw) tokens.push_back(next(logits));
    return tokens;
  };
  for (const llama::sampling& options :
       {llama::sampling{.temperature = 0.8, .seed = 7}, llama::sampling{.temperature = 0.8, .top_k = 50, .seed = 7},
        llama::sampling{.temperature = 0.8, .top_p = 0.9, .seed = 7},
        llama::sampling{.temperature = 0.8, .top_k = 500, .top_p = 0.9, .seed = 7}}) {
    llama::sampling other = options;
    for (const std::uint64_t seed : {8ull, 9ull << 32}) {
      other.seed = seed;
      CHECK(sequence(options) != sequence(other));
    }
    CHECK(sequence(options) == sequence(options));
    CHECK(sequence(options) == sequence(options, fuse::mode::eager));
  }
  std::vector<token_id> expected;
  for (std::uint32_t place = 1; place <= 8; ++place) expected.push_back(expected_choice(logits, 1.3, 42, place));
  CHECK(sequence({.temperature = 1.3, .seed = 42}) == expected);
}

TEST_CASE("sampler: logits that are not numbers give no token, and end the sequence") {
  for (const double temperature : {0.0, 1.0}) {
    const llama::sampling options{.temperature = temperature};
    for (const std::vector<float>& logits :
         {std::vector<float>{0, NAN}, {0, 1, NAN}, {infinity, 0}, {infinity, -infinity}, {-infinity, -infinity}}) {
      choosing next(options, logits.size(), 4);
      CHECK(next(logits) == -1);
      CHECK_FALSE(next.s.going[0]);
    }
    CHECK(choose(options, {0, -infinity}) == 0);
  }
}

TEST_CASE("sampler: impossible options are errors") {
  for (const double temperature : {-0.1, -1e300, static_cast<double>(infinity), std::nan("")}) {
    CHECK_THROWS_WITH_AS(llama::check({.temperature = temperature}),
                         Contains("--temperature: expected a finite number of at least 0, got "), llama::error);
  }
  CHECK_THROWS_WITH_AS(llama::check({.top_k = -1}), "llama: --top-k: expected at least 0, got -1; 0 keeps every token",
                       llama::error);
  executor e;
  CHECK_THROWS_AS(llama::sampler<executor>(e, {.top_k = -1}, 4, {}), llama::error);
  for (const double top_p : {0.0, -0.5, 1.0001, static_cast<double>(infinity), std::nan("")}) {
    CHECK_THROWS_WITH_AS(llama::check({.top_p = top_p}),
                         Contains("--top-p: expected a number above 0 and at most 1, got "), llama::error);
  }
  CHECK_NOTHROW(llama::check({.temperature = 0.7, .top_k = 40, .top_p = 0.95, .seed = 1}));
}

// SPDX-License-Identifier: Apache-2.0
/// The Llama against transformers: the shipped model and every checkpoint under references/, each of which covers
/// options of the architecture (references.json says which).

#include "llama/model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "llama/checkpoint.hpp"
#include "llama/generate.hpp"
#include "llama/npy.hpp"

using fuse::mode;
using llama::checkpoint;
using llama::rows_of_logits;
using llama::token_id;

namespace {

using executor = fuse::host_executor<fuse::modes::any>;
using logits = fuse::tensor<float, llama::matrix_extents>;
template <class T>
using model = llama::model<T, executor>;

const std::filesystem::path references = std::filesystem::path(FUSE_SOURCE_DIR) / "tests/llama/references";

nlohmann::json read_json(const std::filesystem::path& path) {
  return llama::parse_json(llama::mapped_file(path).text(), path.string());
}

/// What transformers computed from one checkpoint, in f32.
struct reference {
  std::string name, weights;
  checkpoint opened;
  std::vector<token_id> tokens, greedy;
  llama::npy_array expected;
  double bound = 0, mean_bound = 0;  // of a half precision checkpoint: the errors of transformers in that precision

  explicit reference(const nlohmann::json& entry)
      : name(entry.at("directory").get<std::string>()),
        weights(entry.at("weights").get<std::string>()),
        opened(references / entry.at("checkpoint").get<std::string>()),
        tokens(read_json(references / name / "tokens.json").get<std::vector<token_id>>()),
        greedy(read_json(references / name / "greedy.json").get<std::vector<token_id>>()),
        expected(llama::read_npy(references / name / "logits.npy")) {
    if (weights == "f32") return;
    const nlohmann::json precision = read_json(references / name / "precision.json");
    bound = precision.at("max_error_over_max_logit").get<double>();
    mean_bound = precision.at("rms_error_over_max_logit").get<double>();
  }
  fuse::index room() const { return static_cast<fuse::index>(tokens.size()) + static_cast<fuse::index>(greedy.size()); }
};

void for_each_reference(const std::function<void(const reference&)>& f) {
  const nlohmann::json list = read_json(references / "references.json");
  CHECK(list.at("references").size() >= 9);
  for (const nlohmann::json& entry : list.at("references")) {
    const reference r(entry);
    CAPTURE(r.name);
    f(r);
  }
}

double largest(std::span<const float> x) {
  return std::accumulate(x.begin(), x.end(), 0.0, [](double m, float v) { return std::max(m, std::abs(double(v))); });
}
std::span<const float> values(const logits& x) { return {x.data(), static_cast<std::size_t>(x.size())}; }

/// max |x - y| / max |y|
double relative_error(std::span<const float> x, std::span<const float> y) {
  REQUIRE(x.size() == y.size());
  double error = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double difference = std::abs(double(x[i]) - double(y[i]));
    error = std::isnan(difference) ? INFINITY : std::max(error, difference);
  }
  return error / largest(y);
}

/// The root mean square of x - y over max |y|
double mean_error(std::span<const float> x, std::span<const float> y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(double(x[i]) - double(y[i]), 2);
  return std::sqrt(sum / static_cast<double>(x.size())) / largest(y);
}

struct errors {
  double largest, mean;
};
template <class T>
errors errors_of(const reference& r, mode how) {
  executor e(how);
  const llama::weights<T> w(e, r.opened);
  model<T> m(e, r.opened.config(), w, r.room());
  const logits all = m(r.tokens, rows_of_logits::all);
  CHECK(all.extent(0) == static_cast<fuse::index>(r.tokens.size()));
  CHECK(all.extent(1) == r.opened.config().vocab_size);
  return {relative_error(values(all), r.expected.values), mean_error(values(all), r.expected.values)};
}

const checkpoint& shipped() {
  static const checkpoint opened(std::filesystem::path(FUSE_SOURCE_DIR) / "examples/llama/model");
  return opened;
}

/// A model with what it refers to.
template <class T>
struct running {
  executor e;
  llama::weights<T> w;
  model<T> m;
  running(const checkpoint& opened, fuse::index capacity, mode how = mode::fused, fuse::index smallest = 256)
      : e(how), w(e, opened), m(e, opened.config(), w, capacity, smallest) {}
};

/// Tokens that a generator appends to a prompt, and what they cost.
struct generation {
  std::vector<token_id> tokens;
  llama::decode_cost cost;
};
template <class T>
generation generate(model<T>& m, llama::generator<executor>& continued, const std::vector<token_id>& prompt,
                    std::int64_t count) {
  generation g;
  m.clear();
  g.cost = continued(m.append(prompt), count, [&](token_id id) { g.tokens.push_back(id); });
  return g;
}

constexpr double bound_f32 = 2e-4;

/// The length, embedding, layers, the last norm and the head.
constexpr std::int64_t kernels_of_prompt(std::int64_t layers) { return 1 + 1 + 8 * layers + 2; }
/// The same without the length, and the choice of a token.
constexpr std::int64_t kernels_of_step(std::int64_t layers) { return 1 + 8 * layers + 2 + 1; }

}  // namespace

TEST_CASE("model: computed in f32, every checkpoint gives the logits of transformers") {
  for_each_reference([](const reference& r) {
    CHECK(errors_of<float>(r, mode::fused).largest <= bound_f32);
    CHECK(errors_of<float>(r, mode::eager).largest <= bound_f32);
  });
}

TEST_CASE("model: half precision is no worse than that of transformers") {
  int halves = 0;
  for_each_reference([&](const reference& r) {
    if (r.weights == "f32") return;
    ++halves;
    const bool bf16 = r.weights == "bf16";
    const errors fused = bf16 ? errors_of<fuse::bf16>(r, mode::fused) : errors_of<fuse::f16>(r, mode::fused);
    const errors eager = bf16 ? errors_of<fuse::bf16>(r, mode::eager) : errors_of<fuse::f16>(r, mode::eager);
    CAPTURE(eager.mean);
    CHECK(fused.mean <= 0.9 * r.mean_bound);
    CHECK(fused.mean > 0);
    CHECK(fused.largest <= r.bound);        // so it is here; the largest of many may lie above by chance
    CHECK(eager.mean <= 2 * r.mean_bound);  // rounds after every operation, transformers after some
    CHECK(eager.largest <= 2 * r.bound);
  });
  CHECK(halves >= 4);
}

TEST_CASE("model: greedy decoding in f32 chooses the tokens of transformers") {
  for_each_reference([](const reference& r) {
    running<float> fused(r.opened, r.room());
    llama::generator<executor> continued(fused.m, {}, {});
    CHECK(r.greedy.size() == 64);
    CHECK(generate(fused.m, continued, r.tokens, 64).tokens == r.greedy);
  });
}

TEST_CASE("model: a prompt in one step equals token by token, eager equals fused") {
  for_each_reference([](const reference& r) {
    running<float> whole(r.opened, r.room()), single(r.opened, r.room()), eager(r.opened, r.room(), mode::eager);
    const logits expected = whole.m(r.tokens, rows_of_logits::all);
    CHECK(relative_error(values(eager.m(r.tokens, rows_of_logits::all)), values(expected)) < 1e-5);
    const auto vocab = static_cast<std::size_t>(expected.extent(1));
    for (std::size_t i = 0; i < r.tokens.size(); ++i) {
      const logits row = single.m({&r.tokens[i], 1});
      CHECK(relative_error(values(row), values(expected).subspan(i * vocab, vocab)) < 1e-5);
    }
    // In two steps of several tokens each, the second after a past.
    whole.m.clear();
    const std::span<const token_id> tokens(r.tokens);
    whole.m(tokens.first(3));
    const logits rest = whole.m(tokens.subspan(3), rows_of_logits::all);
    CHECK(relative_error(values(rest), values(expected).subspan(3 * vocab)) < 1e-5);
  });
}

TEST_CASE("model: eager and fused do the same work in many and in few kernels") {
  const token_id token = 5;
  running<fuse::bf16> fused(shipped(), 8), eager(shipped(), 8, mode::eager);
  const std::int64_t layers = shipped().config().num_hidden_layers;
  fused.m({&token, 1}), eager.m({&token, 1});
  // A layer: norm; q, k and v; rope of q; rope of k into the cache; attention; o; norm; gate and up; down.
  CHECK(fused.e.launches() == kernels_of_prompt(layers));
  CHECK(eager.e.launches() > 4 * fused.e.launches());
}

TEST_CASE("model: a sequence longer than the cache is refused before anything changes") {
  running<float> r(shipped(), 4);
  const std::vector<token_id> tokens{1, 20, 300, 1000, 7};
  const std::span<const token_id> all(tokens);
  r.m(all.first(3));
  CHECK_THROWS_WITH_AS(r.m(all.first(2)),
                       "llama: context: expected at most 4 positions, the cache's capacity, got 3 + 2; generate fewer "
                       "tokens, or shorten the prompt",
                       llama::error);
  CHECK(r.m.length() == 3);
  const logits after = r.m(all.subspan(3, 1));
  CHECK_THROWS_AS(r.m(all.last(1)), llama::error);
  running<float> other(shipped(), 5);
  CHECK(relative_error(values(after), values(other.m(all.first(4)))) < 1e-5);
  CHECK_NOTHROW(other.m(all.last(1)));
}

TEST_CASE("model: wrong tokens and capacities are refused") {
  running<float> r(shipped(), 4);
  const std::vector<token_id> outside{1, 2048}, negative{-1};
  CHECK_THROWS_AS(r.m(outside), llama::error);
  CHECK_THROWS_AS(r.m(negative), llama::error);
  CHECK_THROWS_AS(r.m(std::span<const token_id>{}), llama::error);
  CHECK(r.m.length() == 0);
  CHECK_THROWS_WITH_AS(
      running<float>(shipped(), 513),
      "llama: context: expected a capacity from 1 to 512 positions, got 513; the model was not made for "
      "more positions",
      llama::error);
  CHECK_THROWS_AS(running<float>(shipped(), 0), llama::error);
}

TEST_CASE("model: generation stops at an end token, at the count, and costs one step for each token but the last") {
  const std::int64_t layers = shipped().config().num_hidden_layers;
  const std::vector<token_id> prompt{1, 20, 300};
  for (const auto& one : {std::pair{mode::fused, 1}, {mode::graphed, 1}, {mode::graphed, 3}}) {
    const mode how = one.first;
    const int steps = one.second;
    CAPTURE(steps);
    running<fuse::bf16> r(shipped(), 32, how);
    const auto generated = [&](std::int64_t count, std::vector<token_id> stop) {
      llama::generator<executor> continued(r.m, {}, stop, steps);
      const generation g = generate(r.m, continued, prompt, count);
      CHECK(g.cost.steps == std::max<std::int64_t>(0, r.m.length() - 3));
      CHECK(g.cost.kernels == g.cost.steps * kernels_of_step(layers) + (steps > 1 ? g.cost.launches : 0));
      const std::int64_t launches = how == mode::graphed ? (g.cost.steps + steps - 1) / steps : g.cost.kernels;
      CHECK(g.cost.launches == launches);
      return g.tokens;
    };
    const std::vector<token_id> ids = generated(8, {});
    CHECK(ids.size() == 8);
    CHECK(r.m.length() == 3 + 7);
    const auto place = std::find(ids.begin(), ids.end(), ids[5]);
    CHECK(generated(8, {ids[5]}) == std::vector<token_id>(ids.begin(), place));
    CHECK(r.m.length() == 3 + (place - ids.begin()));
    CHECK(generated(8, {ids[0]}).empty());
    CHECK(generated(0, {}).empty());
  }
}

TEST_CASE("model: graphs of one step and of many give the tokens and the bits of fused calls, on every checkpoint") {
  for_each_reference([](const reference& r) {
    for (const llama::sampling& choice : {llama::sampling{}, {.temperature = 1, .top_k = 9, .top_p = 0.9, .seed = 5}}) {
      running<float> fused(r.opened, r.room(), mode::fused, 16);
      llama::generator<executor> plain(fused.m, choice, {});
      const std::vector<token_id> expected = generate(fused.m, plain, r.tokens, 48).tokens;
      CHECK(expected.size() == 48);
      CHECK(plain.counts().captures == 0);
      const logits last = fused.m({&expected.back(), 1});
      for (const int steps : {1, 7}) {
        running<float> graphed(r.opened, r.room(), mode::graphed, 16);
        llama::generator<executor> captured(graphed.m, choice, {}, steps);
        const auto first = static_cast<fuse::index>(r.tokens.size());
        captured.warm_up(first, first + 48);
        const std::int64_t graphs = captured.counts().captures;
        CHECK(graphs >= 2);  // sequences of different lengths read different numbers of positions
        CHECK(generate(graphed.m, captured, r.tokens, 48).tokens == expected);
        const logits same = graphed.m({&expected.back(), 1});
        CHECK(std::equal(same.data(), same.data() + same.size(), last.data()));
        CHECK(captured.counts().captures == graphs);
        CHECK(captured.counts().fallbacks == 0);
      }
    }
  });
}

TEST_CASE("model: few numbers of positions serve all lengths") {
  running<float> r(shipped(), 500, mode::fused, 64);
  CHECK(r.m.positions_for(1) == 64);
  CHECK(r.m.positions_for(64) == 64);
  CHECK(r.m.positions_for(65) == 128);
  CHECK(r.m.positions_for(257) == 500);
  CHECK(r.m.positions_for(500) == 500);
}

TEST_CASE("model: what a sequence left in the cache does not reach the next") {
  running<float> r(shipped(), 16);
  const std::vector<token_id> tokens{1, 20, 300, 1000, 7, 9}, few{5, 6};
  const logits expected = running<float>(shipped(), 16).m(few);
  r.m(tokens);
  r.m.clear();
  const logits again = r.m(few);
  CHECK(std::equal(again.data(), again.data() + again.size(), expected.data()));
}

TEST_CASE("model: logits that are no numbers end a generation with an error") {
  running<float> r(shipped(), 16, mode::graphed);
  llama::generator<executor> continued(r.m, {}, {}, 4);
  logits last = r.m(std::vector<token_id>{1, 20});
  last[7] = NAN;
  CHECK_THROWS_WITH_AS(continued(last, 4, [](token_id) {}),
                       "llama: logits: expected numbers, of which the largest is finite, got others at position 2; the "
                       "weights are damaged, or the dtype overflows",
                       llama::error);
}

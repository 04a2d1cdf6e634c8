// SPDX-License-Identifier: Apache-2.0
// The Llama on a CUDA executor: against transformers' logits, computed in f32 and in half precision; and its tokens by
// captured graphs and loops on the device against those of fused calls.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "examples/llama/checkpoint.hpp"
#include "examples/llama/generate.hpp"
#include "examples/llama/model.hpp"
#include "examples/llama/npy.hpp"
#include "tests/support/source_files.hpp"

namespace {

using executor = fuse::cuda_executor<fuse::modes::any>;  // of which the example has its models compiled

const std::filesystem::path references = source_file("tests/llama/references");

nlohmann::json read_json(const std::filesystem::path& path) {
  return llama::parse_json(llama::mapped_file(path).text(), path.string());
}

struct stream {
  cudaStream_t value = nullptr;
  stream() { fuse::cuda::check(cudaStreamCreate(&value), "cudaStreamCreate"); }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  ~stream() { cudaStreamDestroy(value); }
};

/// max |logits - expected| / max |expected|; the tokens after the first `prompt` go one a step.
template <class T>
double error_of(const std::string& name, std::size_t prompt) {
  const llama::checkpoint opened(references / name);
  const auto tokens = read_json(references / name / "tokens.json").get<std::vector<llama::token_id>>();
  const llama::npy_array expected = llama::read_npy(references / name / "logits.npy");
  const stream s;
  executor e(s.value);
  const llama::weights<T> w(e, opened);
  llama::model<T, executor> m(e, opened.config(), w, static_cast<fuse::index>(tokens.size()));

  std::vector<float> all;
  const auto step = [&](std::span<const llama::token_id> part) {
    const std::int64_t before = e.launches();
    const auto logits = m(part, llama::rows_of_logits::all);
    CHECK(e.launches() - before == 1 + 1 + 8 * opened.config().num_hidden_layers + 2);
    all.insert(all.end(), logits.data(), logits.data() + logits.size());
  };
  step(std::span(tokens).first(prompt));
  for (std::size_t i = prompt; i < tokens.size(); ++i) step({&tokens[i], 1});

  REQUIRE(all.size() == expected.values.size());
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    error = std::fmax(error, std::fabs(double(all[i]) - double(expected.values[i])));
    largest = std::fmax(largest, std::fabs(double(expected.values[i])));
    REQUIRE(std::isfinite(all[i]));
  }
  return error / largest;
}

struct generation {
  std::vector<llama::token_id> tokens;
  std::vector<float> last;  // logits after all of them
  llama::decode_cost cost;
  std::int64_t captures = 0, kernels = 0;  // kernels: launched by the host while the graphs were replayed
};

/// Tokens after a short prompt, in a cache of which steps read 4, 8 and then all 12 positions.
generation generated(const std::string& name, const llama::sampling& choice, fuse::mode how, fuse::index steps,
                     std::vector<llama::token_id> stop = {}) {
  const llama::checkpoint opened(references / name);
  const stream s;
  executor e(s.value);
  e.exchange_mode(how);
  const llama::weights<float> w(e, opened);
  llama::model<float, executor> m(e, opened.config(), w, 12, 4);
  llama::generator<executor> continued(m, choice, stop, steps);
  continued.warm_up(3, 12);
  const std::vector<llama::token_id> prompt{1, 5, 9};
  const auto logits = m.append(prompt);
  generation g;
  const std::int64_t before = e.launches();
  g.cost = continued(logits, 9, [&](llama::token_id id) { g.tokens.push_back(id); });
  g.kernels = e.launches() - before;
  g.captures = continued.counts().captures;
  if (m.length() < 12) {
    const auto last = m({g.tokens.empty() ? &prompt[0] : &g.tokens.back(), 1});
    g.last.assign(last.data(), last.data() + last.size());
  }
  return g;
}

}  // namespace

TEST_CASE("llama: a prompt at once and tokens one by one, in f32") {
  CHECK(error_of<float>("grouped_f32", 7) <= 2e-4);
  CHECK(error_of<float>("attention_bias_f32", 7) <= 2e-4);
}

TEST_CASE("llama: weights and activations in bf16") {
  const double bound = read_json(references / "mlp_bias_bf16" / "precision.json").at("max_error_over_max_logit");
  const double error = error_of<fuse::bf16>("mlp_bias_bf16", 9);
  CHECK(error <= bound);
  CHECK(error > 0);
}

TEST_CASE("llama: graphs of one step and loops on the device give the tokens and the bits of fused calls") {
  const llama::sampling greedy, sampled{.temperature = 1, .top_k = 9, .top_p = 0.9, .seed = 5};
  for (const char* name : {"grouped_f32", "theta_f32"}) {
    CAPTURE(name);
    for (const llama::sampling& choice : {greedy, sampled}) {
      const generation fused = generated(name, choice, fuse::mode::fused, 1);
      CHECK(fused.tokens.size() == 9);
      CHECK(fused.captures == 0);
      CHECK(fused.cost.steps == 8);
      for (const fuse::index steps : {1, 3}) {
        CAPTURE(steps);
        const generation graphed = generated(name, choice, fuse::mode::graphed, steps);
        CHECK(graphed.tokens == fused.tokens);
        CHECK(graphed.last == fused.last);
        CHECK(graphed.captures == 3);
        CHECK(graphed.cost.steps == 8);
        CHECK(graphed.cost.launches == (steps == 1 ? 8 : 4));          // 3 -> 4 -> 7 -> 8 -> 11
        CHECK(graphed.kernels == fused.kernels - fused.cost.kernels);  // those of the first choice
      }
    }
  }
}

TEST_CASE("llama: a loop on the device stops at an end token") {
  const generation all = generated("grouped_f32", {}, fuse::mode::graphed, 5);
  const llama::token_id end = all.tokens[4];
  const auto place = std::find(all.tokens.begin(), all.tokens.end(), end) - all.tokens.begin();
  const generation ended = generated("grouped_f32", {}, fuse::mode::graphed, 5, {end});
  CHECK(ended.tokens == std::vector<llama::token_id>(all.tokens.begin(), all.tokens.begin() + place));
  CHECK(ended.cost.steps == place);
}

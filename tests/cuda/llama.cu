// SPDX-License-Identifier: Apache-2.0
// The Llama on a CUDA executor against transformers' logits, computed in f32 and in half precision.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "examples/llama/checkpoint.hpp"
#include "examples/llama/model.hpp"
#include "examples/llama/npy.hpp"

namespace {

using executor = fuse::cuda_executor<fuse::modes::fused>;

const std::filesystem::path references = std::filesystem::path(FUSE_SOURCE_DIR) / "tests/llama/references";

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
    CHECK(e.launches() - before == 1 + 11 * opened.config().num_hidden_layers + 2);
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

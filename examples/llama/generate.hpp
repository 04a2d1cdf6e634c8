// SPDX-License-Identifier: Apache-2.0
/// Text generation: the prompt in one step, then one token a step.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "model.hpp"
#include "sampler.hpp"

namespace llama {

/// How many steps of one token were taken, in what time, with how many kernels.
struct decode_cost {
  std::int64_t steps = 0, kernels = 0;
  double seconds = 0;

  double kernels_per_token() const { return steps > 0 ? static_cast<double>(kernels) / static_cast<double>(steps) : 0; }
  double tokens_per_second() const { return seconds > 0 ? static_cast<double>(steps) / seconds : 0; }
};

/// Calls `step` and adds what it cost.
template <class Executor, class Step>
auto measured(decode_cost& cost, Executor& executor, Step step) {
  using clock = std::chrono::steady_clock;
  const std::int64_t kernels = executor.launches();
  const clock::time_point start = clock::now();
  auto result = step();
  cost.seconds += std::chrono::duration<double>(clock::now() - start).count();
  cost.kernels += executor.launches() - kernels;
  ++cost.steps;
  return result;
}

/// The logits after the last token, as a sampler takes them.
inline std::span<const float> last_row(const fuse::tensor<float, matrix_extents>& logits) {
  const auto vocab = static_cast<std::size_t>(logits.extent(1));
  return {logits.data() + logits.size() - logits.extent(1), vocab};
}

/// Appends up to `count` tokens to the model's sequence, whose last logits are given, and passes each to `emit`. Stops
/// after one of `stop`, which is not emitted. Returns what the decoding steps cost; the sequence lacks the last token.
template <class Model, class Emit>
decode_cost generate(Model& model, fuse::tensor<float, matrix_extents> logits, sampler& choose, std::int64_t count,
                     std::span<const token_id> stop, Emit emit) {
  decode_cost cost;
  for (std::int64_t i = 0; i < count; ++i) {
    const token_id next = choose(last_row(logits));
    if (std::find(stop.begin(), stop.end(), next) != stop.end()) break;
    emit(next);
    if (i + 1 == count) break;
    logits = measured(cost, model.executor(), [&] { return model({&next, 1}); });
  }
  return cost;
}

/// Decodes given tokens after a prompt, one a step. Where `quickest` has the seconds of an earlier replay of each step,
/// they become the smaller of both: a busy machine delays some steps of every run, but seldom the same ones of all.
/// Returns the cost of the run with the seconds of `quickest`.
template <class Model>
decode_cost replay(Model& model, std::span<const token_id> prompt, std::span<const token_id> tokens,
                   std::vector<double>& quickest) {
  model.clear();
  model(prompt);
  quickest.resize(tokens.size(), std::numeric_limits<double>::infinity());
  decode_cost total;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    decode_cost step;
    measured(step, model.executor(), [&] { return model({&tokens[i], 1}); });
    quickest[i] = std::min(quickest[i], step.seconds);
    total.kernels += step.kernels;
    total.seconds += quickest[i];
  }
  total.steps = static_cast<std::int64_t>(tokens.size());
  return total;
}

}  // namespace llama

// SPDX-License-Identifier: Apache-2.0
/// Chooses the next token from logits: greedy, or at random with temperature, top-k and top-p.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "error.hpp"
#include "token_ids.hpp"

namespace llama {

/// The filters apply in this order: temperature, then top_k, then top_p, as in transformers.
struct sampling {
  double temperature = 0;  ///< 0: greedy, and the rest is unused; below 1 sharper, above 1 flatter
  std::int64_t top_k = 0;  ///< keep this many of the most probable tokens; 0: all
  double top_p = 1;        ///< keep the fewest most probable tokens that reach this probability, at least one; 1: all
  std::uint64_t seed = 0;  ///< equal seeds and logits choose equal tokens, on every platform
};

/// Chooses tokens, one a call. Equally probable tokens rank by id, lowest first.
class sampler {
 public:
  /// Throws `error` for a temperature that is negative or not finite, a negative top_k, a top_p outside (0, 1].
  explicit sampler(const sampling& options) : options_(options), engine_(options.seed) {
    if (!(std::isfinite(options.temperature) && options.temperature >= 0)) {
      throw error("--temperature: expected a finite number of at least 0, got " + std::to_string(options.temperature) +
                  "; 0 chooses the most probable token, 1 samples the model's own distribution");
    }
    if (options.top_k < 0) {
      throw error("--top-k: expected at least 0, got " + std::to_string(options.top_k) + "; 0 keeps every token");
    }
    if (!(options.top_p > 0 && options.top_p <= 1)) {
      throw error("--top-p: expected a number above 0 and at most 1, got " + std::to_string(options.top_p) +
                  "; 1 keeps every token");
    }
  }

  /// The next token for `logits`, one a token; negative infinity excludes a token. Throws `error` for logits that are
  /// NaN or positive infinity, and when no token is left.
  token_id operator()(std::span<const float> logits) {
    const token_id best = most_probable(logits);
    if (options_.temperature == 0) return best;
    return draw(candidates(logits, logits[static_cast<std::size_t>(best)]));
  }

 private:
  struct candidate {
    double weight;  ///< probability, not normalised; the most probable token has 1
    token_id id;
  };

  static bool less_probable(const candidate& left, const candidate& right) {
    return left.weight != right.weight ? left.weight < right.weight : left.id > right.id;
  }
  static bool more_probable(const candidate& left, const candidate& right) { return less_probable(right, left); }

  static token_id most_probable(std::span<const float> logits) {
    std::size_t best = 0;
    for (std::size_t id = 0; id < logits.size(); ++id) {
      if (std::isnan(logits[id]) || logits[id] == INFINITY) {
        throw error("logits: expected numbers, got " + std::to_string(logits[id]) + " for token " + std::to_string(id) +
                    "; the weights are damaged, or the dtype overflows");
      }
      if (logits[id] > logits[best]) best = id;
    }
    if (logits.empty() || logits[best] == -INFINITY) {
      throw error("logits: expected at least one token with a finite logit, got none among " +
                  std::to_string(logits.size()) + "; the mask excludes every token");
    }
    return static_cast<token_id>(best);
  }

  /// The tokens left by top_k and top_p.
  std::vector<candidate> candidates(std::span<const float> logits, float highest) const {
    std::vector<candidate> kept;
    for (std::size_t id = 0; id < logits.size(); ++id) {
      const double distance = static_cast<double>(logits[id]) - static_cast<double>(highest);
      const double weight = std::exp(distance / options_.temperature);
      if (weight > 0) kept.push_back({weight, static_cast<token_id>(id)});
    }
    const auto top_k = static_cast<std::size_t>(options_.top_k);
    if (top_k > 0 && top_k < kept.size()) {
      std::partial_sort(kept.begin(), kept.begin() + options_.top_k, kept.end(), more_probable);
      kept.resize(top_k);
    }
    if (options_.top_p < 1) keep_nucleus(kept);
    return kept;
  }

  /// A heap finds the few tokens of the nucleus without sorting the vocabulary.
  void keep_nucleus(std::vector<candidate>& kept) const {
    const double wanted = options_.top_p * total(kept);
    std::make_heap(kept.begin(), kept.end(), less_probable);
    auto heap_end = kept.end();
    for (double reached = 0; heap_end != kept.begin() && reached < wanted;) {
      std::pop_heap(kept.begin(), heap_end, less_probable);
      reached += (--heap_end)->weight;
    }
    kept.erase(kept.begin(), heap_end);
    std::reverse(kept.begin(), kept.end());
  }

  static double total(const std::vector<candidate>& kept) {
    double sum = 0;
    for (const candidate& entry : kept) sum += entry.weight;
    return sum;
  }

  /// A standard distribution would make the choice depend on the standard library; the engine's output does not.
  token_id draw(const std::vector<candidate>& kept) {
    const double uniform = static_cast<double>(engine_() >> 11) * 0x1p-53;  // [0, 1)
    double left = uniform * total(kept);
    for (const candidate& entry : kept) {
      if (left < entry.weight) return entry.id;
      left -= entry.weight;
    }
    return kept.back().id;  // rounding used up the last weight
  }

  sampling options_;
  std::mt19937_64 engine_;
};

}  // namespace llama

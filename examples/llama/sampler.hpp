// SPDX-License-Identifier: Apache-2.0
/// Chooses the next token from logits where they are: greedy, or at random with temperature, top-k and top-p. Every
/// step is a compiled function, so that a captured graph can choose, and the host and the device choose alike.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fuse/fuse.hpp>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "error.hpp"
#include "placed.hpp"
#include "token_ids.hpp"

namespace llama {

namespace fx = fuse;

using one = fuse::extents<1>;

/// The filters apply in this order: temperature, then top_k, then top_p, as in transformers.
struct sampling {
  double temperature = 0;  ///< 0: greedy, and the rest is unused; below 1 sharper, above 1 flatter
  std::int64_t top_k = 0;  ///< keep this many of the most probable tokens, and equals of the last; 0: all
  double top_p = 1;        ///< keep the fewest most probable tokens that reach this probability, and equals; 1: all
  std::uint64_t seed = 0;  ///< equal seeds and logits choose equal tokens; seeds below 2^32 are all different
};

/// Throws `error` for a temperature that is negative or not finite, a negative top_k, a top_p outside (0, 1].
inline void check(const sampling& options) {
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

// ---- the mathematics; n: tokens of the vocabulary ----

/// A random 32-bit word for a counter of two such words and a key: the left word of Philox2x32-10, held in i64, in
/// which every step is exact. Source: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3"
/// (2011), section 4.
struct philox_t : fuse::ops::integral<3> {
  static constexpr const char* name = "philox";
  static constexpr double flops = 60;
  template <class V>
  FUSE_HD V operator()(V left, V right, V key) const {
    if constexpr (sizeof(fuse::scalar_of<V>) < 8) {
      return left;  // every op is compiled for i32 too; operands of this one are i64
    } else {
      constexpr long long two_32 = 1LL << 32;
      const V word(two_32 - 1), multiplier(0xd256d193LL - two_32);
      for (int round = 0; round < 10; ++round) {
        const V product = left * multiplier;  // what it lacks is left * 2^32, which reaches the high word alone
        const V high = (product >> V(32)) + left;
        left = high ^ key ^ right;
        right = product & word;
        key = (key + V(0x9e3779b9LL)) & word;
      }
      return left;
    }
  }
};
inline constexpr fuse::op<philox_t> philox{};

/// What follows from the choice `best` (1) for a sequence of length + 1 tokens: the token, or -1 where the logits were
/// not valid; the tokens with it; the length; and whether to go on.
template <class B, class V, class S, class T, class L, class U>
constexpr auto chosen(B best, V valid, S stop, T tokens, L length, U until) {
  auto token = fx::cast<fx::dtype::i32>(fx::where(valid, best, -1));
  auto place = length + 1;
  auto going = token >= 0 && !fx::take(stop, token) && place < until;
  return fx::outputs(token, fx::scatter<0>(tokens, place, token), place, going);
}

/// The most probable token, the lowest id of equals.
inline constexpr auto greedy = fx::compile<"greedy">([](auto logits, auto stop, auto tokens, auto length, auto until) {
  auto valid = fx::abs(fx::max(logits, fx::row)) < std::numeric_limits<float>::infinity();
  return chosen(fx::argmax(logits, fx::row), valid, stop, tokens, length, until);
});

/// logits (n) -> (n): the logarithms of the probabilities after temperature, up to a constant; the largest is 0.
inline constexpr auto scaled = fx::compile<"scaled">(
    [](auto logits, auto inverse_temperature) { return (logits - fx::max(logits, fx::row)) * inverse_temperature; });

/// One step in the search for the largest threshold that leaves enough: so many tokens (`wanted`), or so large a part
/// of the probability. It lies in [low, high); the result is the quarter of that in which it lies. Of x (n) only what
/// is at least `floor` counts.
inline constexpr auto narrowed =
    fx::compile<"narrowed">([](auto x, auto low, auto high, auto floor, auto wanted, auto by_probability) {
      auto weight = fx::where(x >= floor, fx::where(by_probability, fx::exp(x), 1.f), 0.f);
      auto enough = fx::where(by_probability, wanted * fx::sum(weight, fx::row), wanted);
      auto leaves_enough = [&](auto t) { return fx::sum(fx::where(x >= t, weight, 0.f), fx::row) >= enough; };
      auto quarter = (high - low) * 0.25f;
      auto a = low + quarter, b = a + quarter, c = b + quarter;
      auto at_a = leaves_enough(a), at_b = leaves_enough(b), at_c = leaves_enough(c);
      return fx::outputs(fx::where(at_c, c, fx::where(at_b, b, fx::where(at_a, a, low))),
                         fx::where(at_c, high, fx::where(at_b, c, fx::where(at_a, b, a))));
    });

/// A token at random from x (n), of those that are at least `threshold`: the largest x + g, where g is noise of the
/// standard Gumbel distribution (the Gumbel-max method), computed from the token, its place and the key.
inline constexpr auto drawn =
    fx::compile<"drawn">([](auto x, auto threshold, auto key, auto stop, auto tokens, auto length, auto until) {
      auto word = philox(fx::iota_along<0>(x), length + 1, key);
      // Large g come from small numbers, which are finer: 1 - uniform would lose them.
      auto uniform = fx::min((fx::cast<fx::dtype::f32>(word) + 0.5f) * 0x1p-32f, 0x1.fffffep-1f);
      auto gumbel = -fx::log(-fx::log1p(-uniform));
      auto best = fx::argmax(fx::where(x >= threshold, x + gumbel, -std::numeric_limits<float>::infinity()), fx::row);
      return chosen(best, fx::max(x, fx::row) == 0.f, stop, tokens, length, until);
    });

/// Before `steps` more tokens after `length`: until when, and whether to begin.
inline constexpr auto begun = fx::compile<"begun">([](auto length, auto steps) {
  auto until = length + steps;
  return fx::outputs(until, length < until);
});

// ---- what issues it ----

/// A growing sequence in the executor's memory. The last token is the one that no step has been given yet.
struct sequence {
  fuse::tensor<token_id, one> token;                        ///< the last one
  fuse::tensor<token_id, fuse::extents<fuse::dyn>> tokens;  ///< token i at place i
  fuse::view<fuse::index, one> length;                      ///< of what steps have been given: the last token's place
  fuse::tensor<fuse::index, one> until;                     ///< a length to stop at
  fuse::tensor<bool, one> going;  ///< neither has the length been reached nor an end token chosen
};

/// Chooses tokens on an executor, which must outlive it.
template <class Executor>
class sampler {
 public:
  /// `stop`: tokens that end a sequence, in [0, vocab). Throws `error` where check() does.
  sampler(Executor& executor, const sampling& options, fuse::index vocab, std::span<const token_id> stop);

  /// Issues the choice of the token after logits (vocab): what `s` holds becomes one token longer. The token is -1
  /// where the logits are NaN, positive infinity, or all negative infinity; negative infinity excludes a token.
  void operator()(fuse::view<const float, fuse::extents<fuse::dyn>> logits, const sequence& s) const;

 private:
  template <class U>
  fuse::tensor<U, one> number(U value) {
    return placed(executor_, fuse::tensor<U, one>({1}, {value}));
  }
  /// The next threshold of x, at least floor. Sixteen quarterings of [-104, 1), beyond which f32 has no probabilities,
  /// find it to 2.4e-8: what differs by less counts as equal.
  auto threshold(fuse::view<const float, fuse::extents<fuse::dyn>> x, const fuse::tensor<float, one>& floor,
                 const fuse::tensor<float, one>& wanted, bool by_probability) const;

  Executor& executor_;
  sampling options_;
  fuse::tensor<bool, fuse::extents<fuse::dyn>> stop_;  ///< of each token
  fuse::tensor<fuse::index, one> key_;
  fuse::tensor<float, one> inverse_temperature_, top_k_, top_p_, lowest_, highest_, everything_;
};

template <class Executor>
sampler<Executor>::sampler(Executor& executor, const sampling& options, fuse::index vocab,
                           std::span<const token_id> stop)
    : executor_(executor), options_(options) {
  check(options);
  fuse::tensor<bool, fuse::extents<fuse::dyn>> is_stop({vocab});
  std::fill(is_stop.data(), is_stop.data() + vocab, false);
  for (const token_id id : stop) is_stop[id] = true;
  stop_ = placed(executor, std::move(is_stop));
  constexpr float largest = std::numeric_limits<float>::max(), infinity = std::numeric_limits<float>::infinity();
  // 0 * infinity would be no number: an inverse temperature is neither.
  const double inverse = options.temperature > 0 ? 1 / options.temperature : 1;
  inverse_temperature_ = number(static_cast<float>(std::clamp<double>(inverse, 1 / largest, largest)));
  key_ = number(static_cast<fuse::index>((options.seed ^ options.seed >> 32) & 0xffffffff));
  top_k_ = number(static_cast<float>(std::clamp<std::int64_t>(options.top_k, 0, vocab)));
  top_p_ = number(std::max(static_cast<float>(options.top_p), std::numeric_limits<float>::min()));
  lowest_ = number(-104.f), highest_ = number(1.f), everything_ = number(-infinity);
}

template <class Executor>
auto sampler<Executor>::threshold(fuse::view<const float, fuse::extents<fuse::dyn>> x,
                                  const fuse::tensor<float, one>& floor, const fuse::tensor<float, one>& wanted,
                                  bool by_probability) const {
  auto range = narrowed(executor_, x, lowest_.view(), highest_.view(), floor.view(), wanted.view(), by_probability);
  auto& [low, high] = range;
  for (int i = 1; i < 16; ++i)
    narrowed(executor_, fx::out(low, high), x, low.view(), high.view(), floor.view(), wanted.view(), by_probability);
  return std::move(low);
}

template <class Executor>
void sampler<Executor>::operator()(fuse::view<const float, fuse::extents<fuse::dyn>> logits, const sequence& s) const {
  const auto results = fx::out(s.token, s.tokens, s.length, s.going);
  if (options_.temperature == 0) return greedy(executor_, results, logits, stop_, s.tokens, s.length, s.until);

  const auto x = scaled(executor_, logits, inverse_temperature_);
  const fuse::view<const float, fuse::extents<fuse::dyn>> scores = x.view();
  const auto draw = [&](const fuse::tensor<float, one>& least) {
    drawn(executor_, results, scores, least.view(), key_, stop_, s.tokens, s.length, s.until);
  };
  const auto nucleus = [&](const fuse::tensor<float, one>& least) {
    if (options_.top_p < 1)
      draw(threshold(scores, least, top_p_, true));
    else
      draw(least);
  };
  if (options_.top_k > 0)
    nucleus(threshold(scores, everything_, top_k_, false));
  else
    nucleus(everything_);
}

// Compiled once for everybody, in compiled/.
extern template class sampler<fuse::host_executor<fuse::modes::any>>;
#if defined(__CUDACC__)
extern template class sampler<fuse::cuda_executor<fuse::modes::any>>;
#endif

}  // namespace llama

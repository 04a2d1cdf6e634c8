// SPDX-License-Identifier: Apache-2.0
/// A Llama that runs: weights, the angles of its positions, a key and value cache, and the loop over the layers.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "block.hpp"
#include "checkpoint.hpp"
#include "placed.hpp"
#include "rope_frequencies.hpp"
#include "token_ids.hpp"
#include "weights.hpp"

namespace llama {

/// Of which new tokens a step computes logits.
enum class rows_of_logits : std::uint8_t { last, all };

/// old (1) -> (1): `value`, whatever there was.
inline constexpr auto assigned =
    fx::compile<"assigned">([](auto old, auto value) { return fx::iota(fx::extent<0>(old)) + value; });

/// One sequence on one executor, whatever its element type.
template <class Executor>
class any_model {
 public:
  using one = fuse::extents<1>;
  using logits = fuse::tensor<float, matrix_extents>;
  using token_view = fuse::view<const token_id, vector_extents>;

  virtual ~any_model() = default;
  any_model(const any_model&) = delete;
  any_model& operator=(const any_model&) = delete;

  /// Appends tokens to the sequence and returns the logits after the last of them, or after each: f32 (rows, vocab) in
  /// the executor's memory. Throws `error`, the sequence as before, for no tokens, for ids outside the vocabulary, and
  /// when the sequence would be longer than the cache.
  logits append(std::span<const token_id> tokens, rows_of_logits rows = rows_of_logits::last);
  /// The same in host memory.
  logits operator()(std::span<const token_id> tokens, rows_of_logits rows = rows_of_logits::last);

  /// Issues one step of the tokens (t) after the past() earlier ones, nothing else: what depends on the sequence lies
  /// in the executor's memory. `positions`: of the cache that attention reads, from positions_for().
  virtual logits forward(token_view tokens, fuse::index positions, rows_of_logits rows) const = 0;

  /// How many positions of the cache the steps of a sequence read that then has `length` tokens: of few different
  /// numbers, so that few graphs serve them all. A power of two from the smallest on, or the whole cache.
  fuse::index positions_for(fuse::index length) const {
    fuse::index positions = smallest_;
    while (positions < length) positions *= 2;
    return std::min(positions, capacity_);
  }

  /// How many tokens the sequence has.
  fuse::index length() const { return length_; }
  fuse::index capacity() const { return capacity_; }
  const llama::config& config() const { return config_; }
  Executor& executor() const { return executor_; }
  /// The length (1) that the next step finds in the executor's memory.
  fuse::view<fuse::index, one> past() const { return past_.view(); }
  /// Steps have been issued since, and the device has counted them in past().
  void grown(fuse::index tokens) {
    check_room(tokens);
    length_ += tokens;
  }
  /// Lets the next step find another length.
  void move_to(fuse::index length);
  /// Starts a new sequence. What an earlier one left would do no harm unless it was not finite.
  void clear() {
    clear_cache();
    length_ = 0;
  }

 protected:
  any_model(Executor& executor, const llama::config& shape, fuse::index capacity, fuse::index smallest)
      : executor_(executor), config_(shape), capacity_(capacity), smallest_(smallest) {
    if (capacity < 1 || capacity > shape.positions())
      throw error("context: expected a capacity from 1 to " + std::to_string(shape.positions()) + " positions, got " +
                  std::to_string(capacity) + "; the model was not made for more positions");
    past_ = placed(executor, fuse::tensor<fuse::index, one>({1}, {0}));
  }
  virtual void clear_cache() = 0;

  Executor& executor_;
  llama::config config_;

 private:
  void check_room(fuse::index tokens) const {
    if (length_ + tokens > capacity_)
      throw error("context: expected at most " + std::to_string(capacity_) + " positions, the cache's capacity, got " +
                  std::to_string(length_) + " + " + std::to_string(tokens) +
                  "; generate fewer tokens, or shorten the prompt");
  }

  fuse::index capacity_, smallest_, length_ = 0;
  fuse::tensor<fuse::index, one> past_;
};

// Not inline: what is inline is compiled wherever it is called.
template <class Executor>
auto any_model<Executor>::append(std::span<const token_id> tokens, rows_of_logits rows) -> logits {
  const auto t = static_cast<fuse::index>(tokens.size());
  if (t == 0) throw error("tokens: expected at least one token, got none");
  check_token_ids(tokens, config_.vocab_size, "tokens");
  check_room(t);
  fuse::tensor<token_id, vector_extents> ids({t});
  std::copy(tokens.begin(), tokens.end(), ids.data());
  const auto there = placed(executor_, std::move(ids));
  move_to(length_);
  logits result = forward(there, positions_for(length_ + t), rows);
  length_ += t;
  return result;
}

template <class Executor>
auto any_model<Executor>::operator()(std::span<const token_id> tokens, rows_of_logits rows) -> logits {
  return on_host(executor_, append(tokens, rows));
}

template <class Executor>
void any_model<Executor>::move_to(fuse::index length) {
  assigned(executor_, fuse::out(past_), past_, length);
}

/// T: the element type of weights and activations (float, fuse::f16, fuse::bf16).
template <class T, class Executor>
class model final : public any_model<Executor> {
 public:
  using typename any_model<Executor>::logits;
  using typename any_model<Executor>::token_view;

  /// The executor and the weights must outlive the model. `capacity`: the most positions that its cache can hold;
  /// `smallest`: the fewest of them that a step reads. Throws `error` unless capacity is from 1 to the checkpoint's
  /// positions.
  model(Executor& executor, const llama::config& shape, const weights<T>& w, fuse::index capacity,
        fuse::index smallest = 256);

  logits forward(token_view tokens, fuse::index positions, rows_of_logits rows) const override;

 private:
  using activations = fuse::tensor<T, matrix_extents>;
  using cache_extents = fuse::extents<fuse::dyn, fuse::dyn, fuse::dyn>;
  using cache = fuse::tensor<T, cache_extents>;

  /// The first n positions of a cache.
  static fuse::view<T, cache_extents> first(const cache& whole, fuse::index n) {
    return {whole.data(), {n, whole.extent(1), whole.extent(2)}};
  }
  /// Attention reads the cache beyond the sequence too, and multiplies with 0 what it finds: it must be finite.
  void clear_cache() override {
    for (const std::vector<cache>* caches : {&keys_, &values_})
      for (const cache& c : *caches)
        this->executor_.clear(reinterpret_cast<char*>(c.data()), static_cast<std::size_t>(c.size()) * sizeof(T));
  }

  /// The cosines and sines of all angles, f32 (capacity, d / 2), each product rounded to f32 as transformers does.
  void make_angles();

  const weights<T>& weights_;
  fuse::tensor<float, matrix_extents> cosines_, sines_;
  std::vector<cache> keys_, values_;
};

template <class T, class Executor>
model<T, Executor>::model(Executor& executor, const llama::config& shape, const weights<T>& w, fuse::index capacity,
                          fuse::index smallest)
    : any_model<Executor>(executor, shape, capacity, smallest), weights_(w) {
  make_angles();
  const std::array<fuse::index, 3> extents{capacity, shape.num_key_value_heads, shape.head_dim};
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i) {
    keys_.push_back(executor.template empty<T, cache_extents>(extents));
    values_.push_back(executor.template empty<T, cache_extents>(extents));
  }
  clear_cache();
}

template <class T, class Executor>
auto model<T, Executor>::forward(token_view tokens, fuse::index positions, rows_of_logits rows) const -> logits {
  Executor& executor = this->executor_;
  const auto epsilon = static_cast<float>(this->config_.rms_norm_eps);
  activations x = embed(executor, tokens, weights_.embedding);
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    const auto keys = first(keys_[i], positions), values = first(values_[i], positions);
    activations next = executor.template empty<T, matrix_extents>(x.extents());
    decoder_layer(executor, fuse::out(next, keys, values), x, weights_.layers[i], keys, values, cosines_, sines_,
                  this->past(), epsilon);
    x = std::move(next);
  }
  const fuse::index t = tokens.extent(0), wanted = rows == rows_of_logits::all ? t : 1, h = x.extent(1);
  const fuse::view<const T, matrix_extents> last(x.data() + (t - wanted) * h, {wanted, h});
  return logits_of(executor, last, weights_.norm, weights_.head, epsilon);
}

template <class T, class Executor>
void model<T, Executor>::make_angles() {
  const std::vector<float> frequencies = inverse_frequencies(this->config_);
  const auto pairs = static_cast<fuse::index>(frequencies.size());
  fuse::tensor<float, matrix_extents> cosines({this->capacity(), pairs}), sines({this->capacity(), pairs});
  for (fuse::index position = 0; position < this->capacity(); ++position)
    for (fuse::index pair = 0; pair < pairs; ++pair) {
      const float angle = static_cast<float>(position) * frequencies[static_cast<std::size_t>(pair)];
      cosines[position * pairs + pair] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sines[position * pairs + pair] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  cosines_ = placed(this->executor_, std::move(cosines));
  sines_ = placed(this->executor_, std::move(sines));
}

// Compiled once for everybody, in compiled/: each takes a while.
extern template class model<float, fuse::host_executor<fuse::modes::any>>;
extern template class model<fuse::f16, fuse::host_executor<fuse::modes::any>>;
extern template class model<fuse::bf16, fuse::host_executor<fuse::modes::any>>;
#if defined(__CUDACC__)
extern template class model<float, fuse::cuda_executor<fuse::modes::any>>;
extern template class model<fuse::f16, fuse::cuda_executor<fuse::modes::any>>;
extern template class model<fuse::bf16, fuse::cuda_executor<fuse::modes::any>>;
#endif

}  // namespace llama

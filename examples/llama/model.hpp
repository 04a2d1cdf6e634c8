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
#include "rope_frequencies.hpp"
#include "token_ids.hpp"
#include "weights.hpp"

namespace llama {

/// Of which new tokens a step computes logits.
enum class rows_of_logits : std::uint8_t { last, all };

/// One sequence on one executor. T: the element type of weights and activations (float, fuse::f16, fuse::bf16).
template <class T, class Executor>
class model {
 public:
  /// The executor and the weights must outlive the model. `capacity`: the most positions that its cache can hold.
  /// Throws `error` unless capacity is from 1 to the checkpoint's max_position_embeddings.
  model(Executor& executor, const llama::config& shape, const weights<T>& w, fuse::index capacity);

  /// Appends tokens to the sequence and returns the logits after the last of them, or after each: f32 (rows, vocab) in
  /// host memory. Throws `error`, the sequence as before, for no tokens, for ids outside the vocabulary, and when the
  /// sequence would be longer than the cache.
  fuse::tensor<float, matrix_extents> operator()(std::span<const token_id> tokens,
                                                 rows_of_logits rows = rows_of_logits::last);

  /// How many tokens the sequence has.
  fuse::index length() const { return length_; }
  fuse::index capacity() const { return capacity_; }
  const llama::config& config() const { return config_; }
  Executor& executor() const { return executor_; }
  /// Starts a new sequence.
  void clear() { length_ = 0; }

 private:
  using activations = fuse::tensor<T, matrix_extents>;
  using cache_extents = fuse::extents<fuse::dyn, fuse::dyn, fuse::dyn>;
  using cache = fuse::tensor<T, cache_extents>;

  /// The first n positions of a cache.
  static fuse::view<T, cache_extents> first(const cache& whole, fuse::index n) {
    return {whole.data(), {n, whole.extent(1), whole.extent(2)}};
  }

  auto uploaded(std::span<const token_id> tokens) {
    fuse::tensor<token_id, vector_extents> host({static_cast<fuse::index>(tokens.size())});
    for (std::size_t i = 0; i < tokens.size(); ++i) host[static_cast<fuse::index>(i)] = tokens[i];
    return placed(executor_, std::move(host));
  }
  template <class U, class E>
  fuse::tensor<U, E> on_host(fuse::tensor<U, E> result) {
    if constexpr (requires { executor_.download(result); })
      return executor_.download(result);
    else
      return result;
  }

  /// The cosines and sines of all angles, f32 (capacity, d / 2), each product rounded to f32 as transformers does.
  void make_angles();

  Executor& executor_;
  llama::config config_;
  const weights<T>& weights_;
  fuse::index capacity_, length_ = 0;
  fuse::tensor<float, matrix_extents> cosines_, sines_;
  std::vector<cache> keys_, values_;
};

template <class T, class Executor>
model<T, Executor>::model(Executor& executor, const llama::config& shape, const weights<T>& w, fuse::index capacity)
    : executor_(executor), config_(shape), weights_(w), capacity_(capacity) {
  if (capacity < 1 || capacity > shape.max_position_embeddings)
    throw error("context: expected a capacity from 1 to max_position_embeddings = " +
                std::to_string(shape.max_position_embeddings) + ", got " + std::to_string(capacity) +
                "; the model was not made for more positions");
  make_angles();
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i) {
    keys_.push_back(executor.template empty<T, cache_extents>({capacity, shape.num_key_value_heads, shape.head_dim}));
    values_.push_back(executor.template empty<T, cache_extents>({capacity, shape.num_key_value_heads, shape.head_dim}));
  }
}

template <class T, class Executor>
fuse::tensor<float, matrix_extents> model<T, Executor>::operator()(std::span<const token_id> tokens,
                                                                   rows_of_logits rows) {
  const auto t = static_cast<fuse::index>(tokens.size());
  if (t == 0) throw error("tokens: expected at least one token, got none");
  check_token_ids(tokens, config_.vocab_size, "tokens");
  if (length_ + t > capacity_)
    throw error("context: expected at most " + std::to_string(capacity_) + " positions, the cache's capacity, got " +
                std::to_string(length_) + " + " + std::to_string(t) + "; generate fewer tokens, or shorten the prompt");

  const auto epsilon = static_cast<float>(config_.rms_norm_eps);
  activations x = embed(executor_, uploaded(tokens), weights_.embedding);
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    const auto keys = first(keys_[i], length_ + t), values = first(values_[i], length_ + t);
    activations next = executor_.template empty<T, matrix_extents>(x.extents());
    decoder_layer(executor_, fuse::out(next, keys, values), x, weights_.layers[i], keys, values, cosines_, sines_,
                  length_, epsilon);
    x = std::move(next);
  }
  length_ += t;
  const fuse::index wanted = rows == rows_of_logits::all ? t : 1, h = config_.hidden_size;
  const fuse::view<const T, matrix_extents> last(x.data() + (t - wanted) * h, {wanted, h});
  return on_host(logits_of(executor_, last, weights_.norm, weights_.head, epsilon));
}

template <class T, class Executor>
void model<T, Executor>::make_angles() {
  const std::vector<float> frequencies = inverse_frequencies(config_);
  const auto pairs = static_cast<fuse::index>(frequencies.size());
  fuse::tensor<float, matrix_extents> cosines({capacity_, pairs}), sines({capacity_, pairs});
  for (fuse::index position = 0; position < capacity_; ++position)
    for (fuse::index pair = 0; pair < pairs; ++pair) {
      const float angle = static_cast<float>(position) * frequencies[static_cast<std::size_t>(pair)];
      cosines[position * pairs + pair] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sines[position * pairs + pair] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  cosines_ = placed(executor_, std::move(cosines));
  sines_ = placed(executor_, std::move(sines));
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

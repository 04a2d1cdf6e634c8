// SPDX-License-Identifier: Apache-2.0
/// The weights of a Llama: one struct for each layer that serves as storage and as symbols, and how they are read.
#pragma once

#include <cstring>
#include <fuse/fuse.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint.hpp"
#include "placed.hpp"

namespace llama {

using matrix_extents = fuse::extents<fuse::dyn, fuse::dyn>;
using vector_extents = fuse::extents<fuse::dyn>;

/// One decoder layer. Projections are [out, in] as checkpoints store them; h: hidden size, d: head_dim.
template <class T, template <class, class> class Tensor>
struct layer_weights {
  using matrix = Tensor<T, matrix_extents>;
  using vector = Tensor<T, vector_extents>;
  BOOST_HANA_DEFINE_STRUCT(layer_weights, (vector, attention_norm),  // [h]
                           (matrix, q), (vector, q_bias),            // [heads d, h]
                           (matrix, k), (vector, k_bias),            // [kv heads d, h]
                           (matrix, v), (vector, v_bias),            // [kv heads d, h]
                           (matrix, o), (vector, o_bias),            // [h, heads d]
                           (vector, mlp_norm),                       // [h]
                           (matrix, gate), (vector, gate_bias),      // [intermediate, h]
                           (matrix, up), (vector, up_bias),          // [intermediate, h]
                           (matrix, down), (vector, down_bias)       // [h, intermediate]
  );
};

/// All weights of a checkpoint in the element type T, where the executor's kernels can read them. On the host they are
/// used in place from the mapped file wherever type and alignment allow it: the checkpoint must outlive this object.
template <class T>
class weights {
 public:
  template <class E>
  using storage = fuse::storage<T, E>;
  using layer = layer_weights<T, fuse::storage>;

  /// Throws `error` if a tensor is missing, has another shape than config.json says, or is not of the model.
  template <class Executor>
  weights(Executor& executor, const checkpoint& opened) {
    const config& c = opened.config();
    const std::int64_t h = c.hidden_size, queries = c.num_attention_heads * c.head_dim;
    const std::int64_t keys = c.num_key_value_heads * c.head_dim, inner = c.intermediate_size;
    std::set<std::string, std::less<>> used;
    const auto matrix = [&](const std::string& name, std::int64_t out, std::int64_t in) {
      used.insert(name);
      return place<matrix_extents>(executor, opened.tensor(name, {out, in}), {out, in});
    };
    const auto vector = [&](const std::string& name, std::int64_t n) {
      used.insert(name);
      return place<vector_extents>(executor, opened.tensor(name, {n}), {n});
    };
    embedding = matrix("model.embed_tokens.weight", c.vocab_size, h);
    norm = vector("model.norm.weight", h);
    head = c.tie_word_embeddings ? embedding : matrix("lm_head.weight", c.vocab_size, h);
    for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) {
      const std::string prefix = "model.layers." + std::to_string(i) + ".";
      const auto projection = [&](const std::string& name, std::int64_t out, std::int64_t in) {
        return matrix(prefix + name + ".weight", out, in);
      };
      const auto bias = [&](const std::string& name, std::int64_t n, bool stored) {
        return stored ? vector(prefix + name + ".bias", n) : zeros(executor, n);
      };
      layers.push_back(layer{
          .attention_norm = vector(prefix + "input_layernorm.weight", h),
          .q = projection("self_attn.q_proj", queries, h),
          .q_bias = bias("self_attn.q_proj", queries, c.attention_bias),
          .k = projection("self_attn.k_proj", keys, h),
          .k_bias = bias("self_attn.k_proj", keys, c.attention_bias),
          .v = projection("self_attn.v_proj", keys, h),
          .v_bias = bias("self_attn.v_proj", keys, c.attention_bias),
          .o = projection("self_attn.o_proj", h, queries),
          .o_bias = bias("self_attn.o_proj", h, c.attention_bias),
          .mlp_norm = vector(prefix + "post_attention_layernorm.weight", h),
          .gate = projection("mlp.gate_proj", inner, h),
          .gate_bias = bias("mlp.gate_proj", inner, c.mlp_bias),
          .up = projection("mlp.up_proj", inner, h),
          .up_bias = bias("mlp.up_proj", inner, c.mlp_bias),
          .down = projection("mlp.down_proj", h, inner),
          .down_bias = bias("mlp.down_proj", h, c.mlp_bias),
      });
    }
    opened.check_all_used(used);
  }

  storage<matrix_extents> embedding;  ///< [vocab, hidden]
  std::vector<layer> layers;
  storage<vector_extents> norm;  ///< [hidden]
  storage<matrix_extents> head;  ///< [vocab, hidden]

 private:
  template <class E>
  using lengths = std::array<fuse::index, E::rank>;

  template <class E, class Executor>
  storage<E> place(Executor& executor, const stored_tensor& stored, const lengths<E>& extents) {
    return keep(placed(executor, as_tensor<E>(stored, extents)));
  }
  /// The zero biases of a layer that has none; all of one length are the same memory.
  template <class Executor>
  storage<vector_extents> zeros(Executor& executor, fuse::index n) {
    for (const storage<vector_extents>& known : zeros_)
      if (known.extent(0) == n) return known;
    fuse::tensor<T, vector_extents> host({n});
    for (fuse::index i = 0; i < n; ++i) host[i] = T(0.f);
    return zeros_.emplace_back(keep(placed(executor, std::move(host))));
  }
  template <class E>
  storage<E> keep(fuse::tensor<T, E> x) {
    const storage<E> view = x.view();
    if constexpr (E::rank == 2)
      matrices_.push_back(std::move(x));
    else
      vectors_.push_back(std::move(x));
    return view;
  }

  /// The stored elements themselves if they are of type T and aligned, else a copy.
  template <class E>
  static fuse::tensor<T, E> as_tensor(const stored_tensor& stored, const lengths<E>& extents) {
    constexpr element_type type = fuse::dtype_of<T> == fuse::dtype::f32   ? element_type::f32
                                  : fuse::dtype_of<T> == fuse::dtype::f16 ? element_type::f16
                                                                          : element_type::bf16;
    if (stored.type == type && stored.aligned()) {
      void* const bytes = const_cast<std::byte*>(stored.bytes.data());
      return fuse::tensor<T, E>(extents, fuse::buffer(bytes, [](void*, void*) noexcept {}));
    }
    fuse::tensor<T, E> copy(extents);
    if (stored.type == type) {
      std::memcpy(copy.data(), stored.bytes.data(), stored.bytes.size());
    } else {
      const std::vector<float> values = stored.to_float();
      for (fuse::index i = 0; i < copy.size(); ++i) copy[i] = T(values[static_cast<std::size_t>(i)]);
    }
    return copy;
  }

  std::vector<fuse::tensor<T, matrix_extents>> matrices_;
  std::vector<fuse::tensor<T, vector_extents>> vectors_;
  std::vector<storage<vector_extents>> zeros_;
};

}  // namespace llama

// SPDX-License-Identifier: Apache-2.0
/// The mathematics of a Llama, as three compiled functions: embedding, one decoder layer, logits.
///
/// Shapes: t new tokens after `past` earlier ones; h: hidden size; d: head_dim. A layer's cache has room for one key
/// and one value for each of s positions, at least past + t: (s, kv heads, d). `past` is a scalar, or (1) in memory,
/// where kernels that have been captured read it anew.
#pragma once

#include <fuse/fuse.hpp>
#include <fuse/nn/attention.hpp>
#include <fuse/nn/gated.hpp>
#include <fuse/nn/rms_norm.hpp>
#include <fuse/nn/rope.hpp>

#include "weights.hpp"

namespace llama {

namespace fx = fuse;
namespace nn = fuse::nn;

/// tokens (t), table [vocab, h] -> (t, h)
inline constexpr auto embed = fx::compile<"embed">([](auto tokens, auto table) { return fx::take(table, tokens); });

/// x (t, h) -> the layer's result (t, h), and its cache with the new keys and values.
/// cos and sin: the angles of every position (positions, d / 2).
inline constexpr auto decoder_layer = fx::compile<"decoder_layer">(
    [](auto x, auto w, auto keys, auto values, auto cos, auto sin, auto past, auto epsilon) {
      auto t = fx::extent<0>(x);
      auto kv_heads = fx::extent<1>(keys);
      auto d = fx::extent<2>(keys);
      auto positions = fx::iota(t) + past;
      auto angles = [&](auto table) { return fx::unsqueeze<1>(fx::take(table, positions)); };  // (t, 1, d / 2)
      auto rotated = [&](auto heads) { return nn::rope(heads, angles(cos), angles(sin)); };    // (t, heads, d)

      auto n = nn::rms_norm(x, w.attention_norm, epsilon);
      auto q = rotated(fx::reshape(fx::linear(n, w.q, w.q_bias), t, fx::infer, d));
      auto k = rotated(fx::reshape(fx::linear(n, w.k, w.k_bias), t, kv_heads, d));
      auto v = fx::reshape(fx::linear(n, w.v, w.v_bias), t, kv_heads, d);
      auto all_keys = fx::scatter<0>(keys, positions, k);
      auto all_values = fx::scatter<0>(values, positions, v);

      auto grouped = fx::permute<1, 2, 0, 3>(fx::reshape(q, t, kv_heads, fx::infer, d));  // (kv heads, group, t, d)
      auto by_head = [](auto cache) { return fx::permute<1, 0, 2>(cache); };              // (kv heads, s, d)
      auto attended = nn::causal_attention(grouped, by_head(all_keys), by_head(all_values), past);
      auto joined = fx::reshape(fx::permute<2, 0, 1, 3>(attended), t, fx::infer);  // (t, heads d)
      auto h = x + fx::linear(joined, w.o, w.o_bias);

      auto m = nn::rms_norm(h, w.mlp_norm, epsilon);
      auto gated = nn::swiglu(fx::linear(m, w.gate, w.gate_bias), fx::linear(m, w.up, w.up_bias));
      return fx::outputs(h + fx::linear(gated, w.down, w.down_bias), all_keys, all_values);
    });

/// x (t, h), norm [h], head [vocab, h] -> f32 (t, vocab)
inline constexpr auto logits_of = fx::compile<"logits">([](auto x, auto norm, auto head, auto epsilon) {
  return fx::cast<fx::dtype::f32>(fx::linear(nn::rms_norm(x, norm, epsilon), head));
});

}  // namespace llama

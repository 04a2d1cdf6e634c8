// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention, with a causal mask and grouped heads. The scores of a query stay inside one kernel.
// Source: Vaswani et al., "Attention Is All You Need" (2017), equation 1; grouped heads: Ainslie et al., "GQA" (2023).
#pragma once
#include <fuse/nn/softmax.hpp>
#include <fuse/op/matmul.hpp>
#include <fuse/op/root.hpp>

namespace fuse::nn {

namespace attending {

/// Keys or values with one axis fewer than the queries serve a whole group of query heads:
/// q (heads, group, t, d) with k (heads, s, d), which is seen as (heads, 1, s, d).
template <expression K, expression Q>
constexpr auto for_groups_of(K k, Q) {
  static_assert(
      K::rank == Q::rank || K::rank + 1 == Q::rank,
      "fuse::nn::attention: keys and values have as many axes as the queries, or one fewer for grouped heads");
  if constexpr (K::rank == Q::rank)
    return k;
  else
    return unsqueeze<-3>(k);
}

/// q (..., t, d), k (..., s, d) -> (..., t, s), scaled by 1 / sqrt(d).
template <expression Q, expression K>
constexpr auto scores(Q q, K k) {
  return matmul(tracing::unrounded(q), transpose(for_groups_of(tracing::unrounded(k), q))) *
         rsqrt(cast<promote(Q::type, dtype::f32)>(extent<-1>(q).as_value()));
}

/// The average of v (..., s, e), weighted by the scores. Stored: the dtype of a weight.
template <dtype Stored, expression S, expression V, expression Q>
constexpr auto weighted(S scores, V v, Q q) {
  return matmul(softmaxes::softmax_as<Stored>(scores), for_groups_of(v, q));
}

}  // namespace attending

/// attention(q, k, v): q (..., t, d), k (..., s, d), v (..., s, e) -> (..., t, e); leading axes broadcast.
/// Grouped heads: q (heads, group, t, d), k (heads, s, d), v (heads, s, e) -> (heads, group, t, e).
template <expression Q, expression K, expression V>
constexpr auto attention(Q q, K k, V v) {
  return attending::weighted<promote(Q::type, K::type)>(attending::scores(q, k), v, q);
}

/// causal_attention(q, k, v, past): query i sees the keys 0 ... past + i, where `past` (an integer literal or run-time
/// scalar) counts the keys that came before the first query's own. Shapes as in attention.
template <expression Q, expression K, expression V, operand P>
constexpr auto causal_attention(Q q, K k, V v, P past) {
  auto scores = attending::scores(q, k);
  auto visible = iota_along<-1>(scores) <= iota_along<-2>(scores) + past;
  return attending::weighted<promote(Q::type, K::type)>(where(visible, scores, -__builtin_inff()), v, q);
}

}  // namespace fuse::nn

// SPDX-License-Identifier: Apache-2.0
// matmul and linear: contraction of the last axis of one operand with the second to last of the other.
#pragma once
#include <fuse/op/arithmetic.hpp>
#include <fuse/op/views.hpp>

namespace fuse {

namespace tracing {
template <expression A, expression B>
constexpr auto contract(A a, B b);
}  // namespace tracing

/// matmul(a, b): (…, m, k) x (…, k, n) -> (…, m, n), leading axes broadcast. f16 and bf16 accumulate in f32.
template <expression A, expression B>
constexpr auto matmul(A a, B b) {
  constexpr bool two_axes = A::rank >= 2 && B::rank >= 2;
  static_assert(two_axes, "fuse::matmul: both operands need two axes (unsqueeze a vector)");
  if constexpr (two_axes)
    return tracing::contract(a, b);
  else
    return tracing::refused(a);
}

namespace tracing {
template <expression A, expression B>
constexpr auto contract(A a, B b) {
  constexpr index m = A::extents_type::static_extent(A::rank - 2), k = A::extents_type::static_extent(A::rank - 1),
                  l = B::extents_type::static_extent(B::rank - 2), n = B::extents_type::static_extent(B::rank - 1);
  constexpr bool inner_agrees = k == l || k == dyn || l == dyn;
  if constexpr (!inner_agrees)
    static_assert(
        k == l,
        "fuse::matmul: inner extents differ: expected (..., m, k) x (..., k, n) (transpose a weight stored [out, in])");
  constexpr auto batch_of = [](shape s) {
    s.rank -= 2;
    return s;
  };
  constexpr shape batch = broadcast(batch_of(tracing::shape_v<A>), batch_of(tracing::shape_v<B>));
  constexpr conflict met = conflict_of(batch_of(tracing::shape_v<A>), batch_of(tracing::shape_v<B>));
  static_assert(met.left == met.right, "fuse::matmul: batch extents differ and do not broadcast");
  if constexpr (met || !inner_agrees) {
    return refused(a);
  } else {
    constexpr shape s = [&] {
      shape r = batch;
      r.push(m);
      r.push(n);
      return r;
    }();
    constexpr dtype type = promote(A::type, B::type);
    graph_builder& g = *a.graph;
    const short left = A::type == type ? a.id : tracing::cast_to(g, a.id, type),
                right = B::type == type ? b.id : tracing::cast_to(g, b.id, type);
    node x = g.nodes[left], y = g.nodes[right];
    const short inner = g.unify(x.dims[x.rank - 1], y.dims[y.rank - 2], "matmul");
    tracing::dims_list dims;
    node batch_x = x, batch_y = y;
    batch_x.rank = static_cast<short>(x.rank - 2);
    batch_y.rank = static_cast<short>(y.rank - 2);
    tracing::broadcast_dims(g, dims, batch_x, "matmul");
    tracing::broadcast_dims(g, dims, batch_y, "matmul");
    short to_left[max_rank]{}, to_right[max_rank]{};
    const int r = dims.rank;
    for (int i = 0; i < r; ++i) to_left[i] = to_right[i] = dims.dims[i];
    to_left[r] = x.dims[x.rank - 2], to_left[r + 1] = inner;
    to_right[r] = inner, to_right[r + 1] = y.dims[y.rank - 1];
    node p;
    p.op = &matmul_op;
    p.type = type;
    p.in[0] = tracing::expand_to(g, left, r + 2, to_left);
    p.in[1] = tracing::expand_to(g, right, r + 2, to_right);
    p.rank = static_cast<short>(r + 2);
    for (int i = 0; i < r; ++i) p.dims[i] = dims.dims[i];
    p.dims[r] = x.dims[x.rank - 2], p.dims[r + 1] = y.dims[y.rank - 1];
    return expr<type, extents_from<s>>{&g, g.push(p)};
  }
}
}  // namespace tracing

/// linear(x, weight): x (…, in), weight (out, in) as checkpoints store it -> (…, out).
template <expression A, expression W>
constexpr auto linear(A x, W weight) {
  static_assert(W::rank == 2, "fuse::linear: the weight is [out, in]");
  return matmul(x, transpose(weight));
}
/// linear(x, weight, bias): the same plus a bias (out).
template <expression A, expression W, expression B>
constexpr auto linear(A x, W weight, B bias) {
  return linear(x, weight) + bias;
}

}  // namespace fuse

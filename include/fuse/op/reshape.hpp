// SPDX-License-Identifier: Apache-2.0
// reshape and expand: the same elements under other axes.
#pragma once
#include <fuse/op/axes.hpp>

namespace fuse {

namespace tracing {

template <class S>
inline constexpr index static_size = dyn;
template <index N>
inline constexpr index static_size<size_t_<N>> = N;
template <index N>
inline constexpr index static_size<extent_value<N>> = N;
template <>
inline constexpr index static_size<infer_t> = -3;

/// What a length is given by.
template <class S>
inline constexpr bool is_length = std::is_same_v<S, infer_t>;
template <index N>
inline constexpr bool is_length<size_t_<N>> = true;
template <index N>
inline constexpr bool is_length<extent_value<N>> = true;

/// Are these the lengths of a tensor? One message if not.
template <fixed_name Operation, class... S>
consteval bool check_lengths() {
  if constexpr (!(is_length<S> && ...))
    refuse::lengths<Operation, S...>();
  else if constexpr (sizeof...(S) > max_rank)
    refuse::rank<Operation, int(sizeof...(S))>();
  else
    return true;
  return false;
}
/// Those of S, or none where they have been refused.
template <bool Valid, class... S>
consteval shape lengths_of() {
  shape s;
  if constexpr (Valid) (s.push(static_size<S>), ...);
  return s;
}

constexpr short dim_of_size(graph_builder& g, infer_t) { return g.constant_dim(1); }
template <index N>
constexpr short dim_of_size(graph_builder& g, size_t_<N>) {
  return g.constant_dim(N);
}
template <index N>
constexpr short dim_of_size(graph_builder&, extent_value<N> e) {
  return e.id;
}

/// The static shape that reshape gives; extent -2 where the counts disagree.
constexpr shape reshaped(const shape& from, shape to) {
  index have = 1, want = 1;
  int inferred = -1;
  for (int i = 0; i < from.rank; ++i) have = have == dyn || from.extent[i] == dyn ? dyn : have * from.extent[i];
  for (int i = 0; i < to.rank; ++i) {
    if (to.extent[i] == -3)
      inferred = i;
    else
      want = want == dyn || to.extent[i] == dyn ? dyn : want * to.extent[i];
  }
  const bool known = have != dyn && want != dyn;
  if (inferred >= 0)
    to.extent[inferred] = !known ? dyn : want > 0 && have % want == 0 ? have / want : -2;
  else if (known && have != want)
    to.extent[0] = -2;
  return to;
}

}  // namespace tracing

namespace ops {
struct copy_t {
  static constexpr const char* name = "copy";
  static constexpr int arity = 1;
  static constexpr double flops = 0;
  template <class V>
  FUSE_HD V operator()(V x) const {
    return x;
  }
};
}  // namespace ops

namespace tracing {
/// A strided argument cannot be seen with other axes: it is copied first.
constexpr short row_major(graph_builder& g, short id) {
  const node x = g.nodes[id];
  if (x.kind() != op_kind::argument || g.arguments[x.attribute].contiguous) return id;
  return apply_op(g, op_of<ops::copy_t>, x.type, &id, 1);
}
}  // namespace tracing

/// reshape(x, size<4>, extent<1>(y), infer): the same elements in row-major order.
template <expression A, class... S>
constexpr auto reshape(A x, S... sizes) {
  constexpr bool are_lengths = tracing::check_lengths<"reshape", S...>();
  constexpr bool clear = (std::is_same_v<S, infer_t> + ... + 0) <= 1;
  static_assert(!are_lengths || clear, "fuse::reshape: at most one length can be inferred");
  constexpr shape s = tracing::reshaped(tracing::shape_v<A>, tracing::lengths_of<are_lengths, S...>());
  static_assert(!are_lengths || !clear || is_valid(s), "fuse::reshape: the number of elements changes");
  if constexpr (!are_lengths || !clear || !is_valid(s)) {
    return tracing::refused(x);
  } else {
    graph_builder& g = *x.graph;
    const short operand = tracing::row_major(g, x.id);
    const node from = g.nodes[operand];
    node n = tracing::view_node(reshape_op, from, operand, 0);
    int k = 0, inferred = -1;
    auto visit = [&](auto size) {
      if constexpr (std::is_same_v<decltype(size), infer_t>) inferred = k;
      n.dims[k++] = tracing::dim_of_size(g, size);
    };
    (visit(sizes), ...);
    n.rank = static_cast<short>(k);
    // Lengths that appear on both sides cancel; what is left gives the inferred one.
    bool used[max_rank]{};
    short have = g.constant_dim(1), want = g.constant_dim(1);
    for (int i = 0; i < k; ++i) {
      if (i == inferred) continue;
      bool cancelled = false;
      for (int j = 0; j < from.rank && !cancelled; ++j) {
        if (!used[j] && g.same_dim(from.dims[j], n.dims[i])) used[j] = cancelled = true;
      }
      if (!cancelled) want = g.arithmetic(dim::product, want, n.dims[i]);
    }
    for (int j = 0; j < from.rank; ++j)
      if (!used[j]) have = g.arithmetic(dim::product, have, from.dims[j]);
    if (inferred >= 0) {
      n.dims[inferred] = g.arithmetic(dim::quotient, have, want);
      want = g.arithmetic(dim::product, want, n.dims[inferred]);
    }
    g.require_equal(have, want, "reshape");
    return expr<A::type, extents_from<s>>{&g, g.push(n)};
  }
}

/// expand(x, size<8>, extent<1>(y)): broadcasts x to the given lengths.
template <expression A, class... S>
constexpr auto expand(A x, S... sizes) {
  constexpr bool are_lengths = tracing::check_lengths<"expand", S...>();
  constexpr shape wanted = tracing::lengths_of<are_lengths, S...>();
  constexpr shape s = broadcast(tracing::shape_v<A>, wanted);
  constexpr bool keeps = are_lengths && A::rank <= int(sizeof...(S));
  static_assert(!are_lengths || keeps, "fuse::expand: axes cannot be removed");
  constexpr bool reaches = [&] {
    for (int i = 0; i < s.rank && keeps; ++i)
      if (wanted.extent[i] != s.extent[i] && wanted.extent[i] != dyn) return false;
    return true;
  }();
  static_assert(!keeps || (is_valid(s) && reaches), "fuse::expand: an axis that is not 1 cannot change its length");
  if constexpr (!keeps || !is_valid(s) || !reaches) {
    return tracing::refused(x);
  } else {
    graph_builder& g = *x.graph;
    short dims[max_rank]{};
    int k = 0;
    ((dims[k++] = tracing::dim_of_size(g, sizes)), ...);
    const node from = g.nodes[x.id];
    for (int i = 1; i <= from.rank; ++i)
      if (g.length(from.dims[from.rank - i]) != 1)
        dims[k - i] = g.unify(dims[k - i], from.dims[from.rank - i], "expand");
    if (from.rank == 0) {
      index_map m;
      return tracing::reindexed<s>(x, m, dims);
    }
    return expr<A::type, extents_from<s>>{&g, tracing::expand_to(g, x.id, k, dims)};
  }
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// Views of whole axes: permute, transpose, unsqueeze, squeeze, flip; and axis lengths as values. Views move no data: a
// kernel reads through them. Axes are template arguments; negative ones count from the end.
#pragma once
#include <fuse/expr/apply.hpp>

namespace fuse {

/// An axis length inside a traced function: E is its static length or dyn.
template <index E>
struct extent_value {
  static constexpr index value = E;
  graph_builder* graph = nullptr;
  short id = -1;

  /// The length as a scalar expression (i64).
  constexpr auto as_value() const {
    expr<dtype::i64, extents<>> r{graph, -1};
    if constexpr (E != dyn) {
      r.id = tracing::constant(*graph, dtype::i64, double(E));
    } else {
      node n;
      n.op = &extent_op;
      n.type = dtype::i64;
      n.weak = true;
      n.attribute = id;
      r.id = graph->push(n);
    }
    return r;
  }
};

/// A static length for reshape and expand.
template <index N>
struct size_t_ {
  static constexpr index value = N;
};
template <index N>
inline constexpr size_t_<N> size{};

/// In reshape: the one length that follows from the others.
struct infer_t {};
inline constexpr infer_t infer{};

namespace tracing {

constexpr int normal_axis(int axis, int rank) { return axis < 0 ? axis + rank : axis; }

constexpr node view_node(const op_info& op, const node& x, short operand, index attribute) {
  node n;
  n.op = &op;
  n.type = x.type;
  n.weak = x.weak;
  n.in[0] = operand;
  n.attribute = attribute;
  return n;
}

template <class A>
inline constexpr shape shape_v = shape_of<typename A::extents_type>;

/// A view by a map from the result's coordinates to the operand's.
template <shape S, expression A>
constexpr auto reindexed(A x, const index_map& m, const short* dims) {
  graph_builder& g = *x.graph;
  node n = view_node(reindex_op, g.nodes[x.id], x.id, g.add(m));
  n.rank = static_cast<short>(S.rank);
  for (int i = 0; i < S.rank; ++i) n.dims[i] = dims[i];
  return expr<A::type, extents_from<S>>{&g, g.push(n)};
}

template <class A>
constexpr dims_list dims_of(const A& x) {
  dims_list d;
  const node& n = x.graph->nodes[x.id];
  d.rank = n.rank;
  for (int i = 0; i < n.rank; ++i) d.dims[i] = n.dims[i];
  return d;
}

}  // namespace tracing

/// The length of an axis of x.
template <int Axis, expression A>
constexpr auto extent(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  constexpr bool has_axis = k >= 0 && k < A::rank;
  static_assert(has_axis, "fuse::extent: no such axis");
  if constexpr (has_axis)
    return extent_value<A::extents_type::static_extent(k)>{x.graph, x.graph->nodes[x.id].dims[k]};
  else
    return extent_value<1>{tracing::refused(x).graph, x.graph->constant_dim(1)};
}

/// permute<2, 0, 1>(x): axis i of the result is axis P[i] of x.
template <int... P, expression A>
constexpr auto permute(A x) {
  static_assert(sizeof...(P) == A::rank, "fuse::permute: name every axis once");
  constexpr int order[] = {tracing::normal_axis(P, A::rank)..., 0};
  constexpr shape s = [&] {
    shape r;
    for (int i = 0; i < A::rank; ++i) r.push(tracing::shape_v<A>.extent[order[i]]);
    return r;
  }();
  constexpr bool is_permutation = [&] {
    int seen = 0;
    for (int i = 0; i < A::rank; ++i) seen |= 1 << order[i];
    return seen == (1 << A::rank) - 1;
  }();
  static_assert(is_permutation, "fuse::permute: name every axis once");
  index_map m;
  m.rank = A::rank;
  const auto from = tracing::dims_of(x);
  short dims[max_rank]{};
  for (int i = 0; i < A::rank; ++i) {
    m.axis[order[i]] = axis_from(i);
    dims[i] = from.dims[order[i]];
  }
  return tracing::reindexed<s>(x, m, dims);
}

namespace tracing {
template <int From, int To, expression A, int... I>
constexpr auto swap_axes(A x, std::integer_sequence<int, I...>) {
  return permute<(I == From ? To : I == To ? From : I)...>(x);
}
}  // namespace tracing

/// Swaps two axes, the last two by default.
template <int From = -2, int To = -1, expression A>
constexpr auto transpose(A x) {
  static_assert(A::rank >= 2, "fuse::transpose: needs two axes");
  return tracing::swap_axes<tracing::normal_axis(From, A::rank), tracing::normal_axis(To, A::rank)>(
      x, std::make_integer_sequence<int, A::rank>{});
}

/// Inserts an axis of length 1 before axis `Axis` of the result.
template <int Axis, expression A>
constexpr auto unsqueeze(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank + 1);
  constexpr bool has_place = k >= 0 && k <= A::rank, fits = A::rank < max_rank;
  static_assert(has_place, "fuse::unsqueeze: no such axis");
  if constexpr (!fits) refuse::rank<"unsqueeze", A::rank + 1>();
  if constexpr (!has_place || !fits) {
    return tracing::refused(x);
  } else {
    const auto from = tracing::dims_of(x);
    index_map m;
    m.rank = A::rank;
    short dims[max_rank]{};
    for (int i = 0, out = 0; out <= A::rank; ++out) {
      if (out == k) {
        dims[out] = x.graph->constant_dim(1);
      } else {
        m.axis[i] = axis_from(out);
        dims[out] = from.dims[i++];
      }
    }
    constexpr shape s = [] {
      shape r;
      for (int i = 0; i < k; ++i) r.push(tracing::shape_v<A>.extent[i]);
      r.push(1);
      for (int i = k; i < A::rank; ++i) r.push(tracing::shape_v<A>.extent[i]);
      return r;
    }();
    return tracing::reindexed<s>(x, m, dims);
  }
}

/// Removes an axis of length 1.
template <int Axis, expression A>
constexpr auto squeeze(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  static_assert(k >= 0 && k < A::rank && A::extents_type::static_extent(k) == 1,
                "fuse::squeeze: the axis must have the static extent 1");
  const auto from = tracing::dims_of(x);
  index_map m;
  m.rank = A::rank;
  short dims[max_rank]{};
  for (int i = 0, out = 0; i < A::rank; ++i) {
    if (i == k) continue;
    m.axis[i] = axis_from(out);
    dims[out++] = from.dims[i];
  }
  constexpr shape s = [] {
    shape r;
    for (int i = 0; i < A::rank; ++i)
      if (i != k) r.push(tracing::shape_v<A>.extent[i]);
    return r;
  }();
  return tracing::reindexed<s>(x, m, dims);
}

/// Reverses an axis.
template <int Axis, expression A>
constexpr auto flip(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  static_assert(k >= 0 && k < A::rank, "fuse::flip: no such axis");
  const auto dims = tracing::dims_of(x);
  index_map m;
  m.rank = A::rank;
  for (int i = 0; i < A::rank; ++i) m.axis[i] = axis_from(i);
  m.axis[k].scale = -1;
  if (x.graph->is_constant(dims.dims[k])) {
    m.axis[k].offset = x.graph->constant_of(dims.dims[k]) - 1;
  } else {
    m.axis[k].offset = -1;
    m.axis[k].dim_scale = 1;
    m.axis[k].offset_dim = dims.dims[k];
  }
  return tracing::reindexed<tracing::shape_v<A>>(x, m, dims.dims);
}

}  // namespace fuse

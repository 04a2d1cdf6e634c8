// SPDX-License-Identifier: Apache-2.0
// Views: permute, transpose, slice, expand, squeeze, unsqueeze, flip, reshape, concat, split, iota. They move no data:
// a kernel reads through them. Axes are template arguments; negative ones count from the end.
#pragma once
#include <array>
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
  static_assert(k >= 0 && k < A::rank, "fuse::extent: no such axis");
  return extent_value<A::extents_type::static_extent(k)>{x.graph, x.graph->nodes[x.id].dims[k]};
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

inline constexpr index to_end = __LONG_LONG_MAX__;

/// slice<axis, begin, end, step>(x): elements begin, begin + step, … before end. A negative bound counts from the end;
/// of a dynamic axis the length of the result is dynamic and the bounds are checked at run time.
template <int Axis, index Begin, index End = to_end, index Step = 1, expression A>
constexpr auto slice(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  static_assert(k >= 0 && k < A::rank, "fuse::slice: no such axis");
  static_assert(Step >= 1, "fuse::slice: the step is at least 1 (flip reverses)");
  constexpr index n = A::extents_type::static_extent(k);
  graph_builder& g = *x.graph;
  auto dims = tracing::dims_of(x);
  index_map m;
  m.rank = A::rank;
  for (int i = 0; i < A::rank; ++i) m.axis[i] = axis_from(i);
  m.axis[k].scale = Step;
  m.axis[k].offset = Begin;
  if constexpr (n != dyn) {
    constexpr index begin = Begin < 0 ? Begin + n : Begin, end = End == to_end ? n : End < 0 ? End + n : End;
    static_assert(0 <= begin && begin <= end && end <= n, "fuse::slice: the bounds leave the axis");
    m.axis[k].offset = begin;
    constexpr shape s = [] {
      shape r = tracing::shape_v<A>;
      r.extent[k] = (end - begin + Step - 1) / Step;
      return r;
    }();
    dims.dims[k] = g.constant_dim(s.extent[k]);
    return tracing::reindexed<s>(x, m, dims.dims);
  } else {
    static_assert(Step == 1, "fuse::slice: a step needs a static extent");
    const short whole = dims.dims[k];
    auto bound = [&](index b) {
      return b == to_end ? whole : b < 0 ? g.arithmetic(dim::difference, whole, g.constant_dim(-b)) : g.constant_dim(b);
    };
    if constexpr (Begin < 0) {
      m.axis[k].dim_scale = 1;
      m.axis[k].offset_dim = whole;
    }
    const short length = g.arithmetic(dim::difference, bound(End), bound(Begin));
    dims.dims[k] = length;
    constexpr shape s = [] {
      shape r = tracing::shape_v<A>;
      constexpr bool both = End != to_end && (Begin < 0) == (End < 0);
      r.extent[k] = both ? End - Begin : Begin < 0 && End == to_end ? -Begin : dyn;
      return r;
    }();
    if constexpr (s.extent[k] != dyn) dims.dims[k] = g.constant_dim(s.extent[k]);
    // The furthest bound lies inside the axis when what remains after it is not negative.
    g.require_not_negative(g.arithmetic(dim::difference, whole, End == to_end || End < 0 ? bound(Begin) : bound(End)),
                           "slice");
    g.require_not_negative(dims.dims[k], "slice");
    return tracing::reindexed<s>(x, m, dims.dims);
  }
}

/// Inserts an axis of length 1 before axis `Axis` of the result.
template <int Axis, expression A>
constexpr auto unsqueeze(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank + 1);
  static_assert(k >= 0 && k <= A::rank, "fuse::unsqueeze: no such axis");
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

namespace tracing {

template <class S>
inline constexpr index static_size = dyn;
template <index N>
inline constexpr index static_size<size_t_<N>> = N;
template <index N>
inline constexpr index static_size<extent_value<N>> = N;
template <>
inline constexpr index static_size<infer_t> = -3;

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
  constexpr shape wanted = [] {
    shape s;
    (s.push(tracing::static_size<S>), ...);
    return s;
  }();
  static_assert((std::is_same_v<S, infer_t> + ... + 0) <= 1, "fuse::reshape: at most one length can be inferred");
  constexpr shape s = tracing::reshaped(tracing::shape_v<A>, wanted);
  static_assert(is_valid(s), "fuse::reshape: the number of elements changes");
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

/// expand(x, size<8>, extent<1>(y)): broadcasts x to the given lengths.
template <expression A, class... S>
constexpr auto expand(A x, S... sizes) {
  constexpr shape wanted = [] {
    shape s;
    (s.push(tracing::static_size<S>), ...);
    return s;
  }();
  constexpr shape s = broadcast(tracing::shape_v<A>, wanted);
  static_assert(s == wanted || !is_valid(wanted) || s.rank == wanted.rank, "fuse::expand: axes cannot be removed");
  static_assert(is_valid(s), "fuse::expand: an axis that is not 1 cannot change its length");
  graph_builder& g = *x.graph;
  short dims[max_rank]{};
  int k = 0;
  ((dims[k++] = tracing::dim_of_size(g, sizes)), ...);
  const node from = g.nodes[x.id];
  for (int i = 1; i <= from.rank; ++i)
    if (g.length(from.dims[from.rank - i]) != 1) dims[k - i] = g.unify(dims[k - i], from.dims[from.rank - i], "expand");
  if (from.rank == 0) {
    index_map m;
    return tracing::reindexed<s>(x, m, dims);
  }
  return expr<A::type, extents_from<s>>{&g, tracing::expand_to(g, x.id, k, dims)};
}

namespace tracing {
template <int K, expression A, expression B>
constexpr auto concat_two(A a, B b) {
  constexpr shape s = [] {
    shape r = broadcast(shape_v<A>, shape_v<B>);
    const index x = shape_v<A>.extent[K], y = shape_v<B>.extent[K];
    r.extent[K] = x == dyn || y == dyn ? dyn : x + y;
    for (int i = 0; i < A::rank; ++i) {
      const index p = shape_v<A>.extent[i], q = shape_v<B>.extent[i];
      if (i != K && p != q && p != dyn && q != dyn) r.extent[i] = -2;
    }
    return r;
  }();
  static_assert(is_valid(s), "fuse::concat: the operands differ in an axis other than the joined one");
  constexpr dtype type = promote(A::type, B::type);
  graph_builder& g = *a.graph;
  node n;
  n.op = &concat_op;
  n.type = type;
  n.in[0] = cast_to(g, a.id, type);
  n.in[1] = cast_to(g, b.id, type);
  n.rank = A::rank;
  n.attribute = K;
  const auto x = dims_of(a), y = dims_of(b);
  for (int i = 0; i < A::rank; ++i)
    n.dims[i] = i == K ? g.arithmetic(dim::sum, x.dims[i], y.dims[i]) : g.unify(x.dims[i], y.dims[i], "concat");
  return expr<type, extents_from<s>>{&g, g.push(n)};
}
}  // namespace tracing

/// concat<axis>(a, b, …): joined along an axis; the other lengths agree.
template <int Axis, expression A, expression... Rest>
constexpr auto concat(A a, Rest... rest) {
  static_assert(((Rest::rank == A::rank) && ...), "fuse::concat: the operands differ in rank");
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  static_assert(k >= 0 && k < A::rank, "fuse::concat: no such axis");
  if constexpr (sizeof...(Rest) == 0) {
    return a;
  } else {
    return [&]<class B, class... C>(B b, C... c) { return concat<k>(tracing::concat_two<k>(a, b), c...); }(rest...);
  }
}

namespace tracing {
template <int K, index Length, expression A, int... I>
constexpr auto split_equal(A x, std::integer_sequence<int, I...>) {
  return std::array{slice<K, I * Length, (I + 1) * Length>(x)...};
}
}  // namespace tracing

/// split<axis, parts>(x): equal parts of a static axis, as an array: auto [a, b] = split<-1, 2>(x).
template <int Axis, int Parts, expression A>
constexpr auto split(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  constexpr index n = A::extents_type::static_extent(k);
  static_assert(n != dyn && n % Parts == 0,
                "fuse::split: the axis must be static and divisible by the number of parts");
  return tracing::split_equal<k, n / Parts>(x, std::make_integer_sequence<int, Parts>{});
}

/// iota(graph of x, along axis): the coordinate along one axis of x, in x's shape: i64.
template <int Axis, expression A>
constexpr auto iota_along(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  static_assert(k >= 0 && k < A::rank, "fuse::iota_along: no such axis");
  node n;
  n.op = &iota_op;
  n.type = dtype::i64;
  const auto dims = tracing::dims_of(x);
  n.rank = A::rank;
  for (int i = 0; i < A::rank; ++i) n.dims[i] = dims.dims[i];
  n.attribute = k;
  return expr<dtype::i64, typename A::extents_type>{x.graph, x.graph->push(n)};
}

/// iota(extent<0>(x)): 0, 1, 2, … as a tensor with one axis: i64.
template <index N>
constexpr auto iota(extent_value<N> length) {
  node n;
  n.op = &iota_op;
  n.type = dtype::i64;
  n.rank = 1;
  n.dims[0] = length.id;
  return expr<dtype::i64, extents<N>>{length.graph, length.graph->push(n)};
}

}  // namespace fuse

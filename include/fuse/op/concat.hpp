// SPDX-License-Identifier: Apache-2.0
// concat: tensors joined along an axis.
#pragma once
#include <fuse/op/axes.hpp>

namespace fuse {

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
  if constexpr (!is_valid(s)) {
    return refused(a);
  } else {
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
}
}  // namespace tracing

/// concat<axis>(a, b, …): joined along an axis; the other lengths agree.
template <int Axis, expression A, expression... Rest>
constexpr auto concat(A a, Rest... rest) {
  constexpr bool same_rank = ((Rest::rank == A::rank) && ...);
  static_assert(same_rank, "fuse::concat: the operands differ in rank");
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  constexpr bool has_axis = k >= 0 && k < A::rank;
  static_assert(has_axis, "fuse::concat: no such axis");
  if constexpr (!same_rank || !has_axis) {
    return tracing::refused(a);
  } else if constexpr (sizeof...(Rest) == 0) {
    return a;
  } else {
    return [&]<class B, class... C>(B b, C... c) { return concat<k>(tracing::concat_two<k>(a, b), c...); }(rest...);
  }
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// Gather (embedding lookup) and scatter (cache write), by an index tensor along one axis.
#pragma once
#include <fuse/op/reshape.hpp>

namespace fuse {

/// take(table, indices): table (n, rest…), indices (…) of integers -> (…, rest…), row indices[…] of the table.
/// An index outside 0 … n - 1 reads nothing and gives 0.
template <expression A, expression I>
constexpr auto take(A table, I indices) {
  static_assert(A::rank >= 1, "fuse::take: the table needs an axis");
  static_assert(is_integer(I::type), "fuse::take: indices are integers (cast them)");
  constexpr bool fits = A::rank - 1 + I::rank <= max_rank;
  static_assert(fits, "fuse::take: the result has more than 6 axes");
  if constexpr (A::rank < 1 || !fits) {
    return tracing::refused(table);
  } else {
    constexpr shape s = [] {
      shape r = tracing::shape_v<I>;
      for (int i = 1; i < A::rank; ++i) r.push(tracing::shape_v<A>.extent[i]);
      return r;
    }();
    graph_builder& g = *table.graph;
    node n;
    n.op = &gather_op;
    n.type = A::type;
    n.in[0] = table.id;
    n.in[1] = tracing::cast_to(g, indices.id, dtype::i64);
    n.rank = static_cast<short>(s.rank);
    const auto rows = tracing::dims_of(indices), rest = tracing::dims_of(table);
    for (int i = 0; i < I::rank; ++i) n.dims[i] = rows.dims[i];
    for (int i = 1; i < A::rank; ++i) n.dims[I::rank + i - 1] = rest.dims[i];
    return expr<A::type, extents_from<s>>{&g, g.push(n)};
  }
}

/// scatter<axis>(target, indices, values): target with values[…, i, …] at place indices[i] along the axis. indices has
/// one axis of integers; places outside the target are skipped; of equal indices one wins, unspecified which.
/// When the caller passes the target's own buffer as the output, only the named places are written.
template <int Axis, expression A, expression I, expression V>
constexpr auto scatter(A target, I indices, V values) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  constexpr bool has_axis = k >= 0 && k < A::rank;
  static_assert(has_axis, "fuse::scatter: no such axis");
  static_assert(I::rank == 1 && is_integer(I::type), "fuse::scatter: indices have one axis and are integers");
  static_assert(V::rank == A::rank, "fuse::scatter: values have the rank of the target");
  constexpr bool same_rank = V::rank == A::rank && I::rank == 1 && has_axis;
  constexpr bool same_rows = [&] {
    for (int i = 0; i < A::rank && same_rank; ++i) {
      const index a = tracing::shape_v<A>.extent[i], b = tracing::shape_v<V>.extent[i];
      if (i != k && a != b && a != dyn && b != dyn) return false;
    }
    return true;
  }();
  static_assert(same_rows, "fuse::scatter: values and target differ in an axis other than the scattered one");
  constexpr index count = tracing::shape_v<I>.extent[0], rows = tracing::shape_v<V>.extent[has_axis ? k : 0];
  static_assert(!same_rank || count == rows || count == dyn || rows == dyn,
                "fuse::scatter: one index for each row of values");
  if constexpr (!same_rank || !same_rows) {
    return tracing::refused(target);
  } else {
    graph_builder& g = *target.graph;
    node n;
    n.op = &scatter_op;
    n.type = A::type;
    n.in[0] = tracing::row_major(g, target.id);
    n.in[1] = tracing::cast_to(g, indices.id, dtype::i64);
    n.in[2] = tracing::cast_to(g, values.id, A::type);
    n.attribute = k;
    n.rank = A::rank;
    const auto into = tracing::dims_of(target), from = tracing::dims_of(values);
    for (int i = 0; i < A::rank; ++i) {
      if (i != k) g.unify(into.dims[i], from.dims[i], "scatter");
      n.dims[i] = into.dims[i];
    }
    g.unify(tracing::dims_of(indices).dims[0], from.dims[k], "scatter");
    return expr<A::type, typename A::extents_type>{&g, g.push(n)};
  }
}

}  // namespace fuse

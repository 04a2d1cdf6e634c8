// SPDX-License-Identifier: Apache-2.0
// iota: coordinates as values.
#pragma once
#include <fuse/op/axes.hpp>

namespace fuse {

/// iota(graph of x, along axis): the coordinate along one axis of x, in x's shape: i64.
template <int Axis, expression A>
constexpr auto iota_along(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  constexpr bool has_axis = k >= 0 && k < A::rank;
  static_assert(has_axis, "fuse::iota_along: no such axis");
  if (!has_axis) x.graph->refused = true;
  node n;
  n.op = &iota_op;
  n.type = dtype::i64;
  const auto dims = tracing::dims_of(x);
  n.rank = A::rank;
  for (int i = 0; i < A::rank; ++i) n.dims[i] = dims.dims[i];
  n.attribute = has_axis ? k : 0;
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

// SPDX-License-Identifier: Apache-2.0
// slice: part of an axis; split: equal parts of it.
#pragma once
#include <array>
#include <fuse/op/axes.hpp>

namespace fuse {

inline constexpr index to_end = __LONG_LONG_MAX__;

/// slice<axis, begin, end, step>(x): elements begin, begin + step, … before end. A negative bound counts from the end;
/// of a dynamic axis the length of the result is dynamic and the bounds are checked at run time.
template <int Axis, index Begin, index End = to_end, index Step = 1, expression A>
constexpr auto slice(A x) {
  constexpr int k = tracing::normal_axis(Axis, A::rank);
  static_assert(k >= 0 && k < A::rank, "fuse::slice: no such axis");
  static_assert(Step >= 1, "fuse::slice: the step is at least 1 (flip reverses)");
  if constexpr (k < 0 || k >= A::rank || Step < 1) {
    return tracing::refused(x);
  } else {
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
        return b == to_end ? whole
               : b < 0     ? g.arithmetic(dim::difference, whole, g.constant_dim(-b))
                           : g.constant_dim(b);
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
      if constexpr (Begin < 0) g.require_not_negative(bound(Begin), "slice");
      return tracing::reindexed<s>(x, m, dims.dims);
    }
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

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// The map family: every element is computed from the elements at its own place.
#pragma once
#include <fuse/kernel/evaluate.hpp>

namespace fuse {

/// Elements [N * p, N * (p + 1)) of a row for p = begin, begin + stride, … < end, packs counted through all rows.
FUSE_UNCHECKED
template <class P, int N, block B>
FUSE_HD void run_map(const B& b, const typename P::arguments& a, index begin, index end, index stride) {
  const index n = length<P, P::outer>(a);
  const index packs = (n + N - 1) / N;  // of a row
  evaluator<P, typename B::values, N> e(a);
  if constexpr (requires { b.past_cache; }) e.past_cache = b.past_cache;
  for (index p = begin; p < end;) {
    index row = 0;
    if constexpr (P::outer > 0) row = quotient(p, packs);
    e.place = place_of_row<P>(a, row);
    e.template run_row_steps<0>();
    const index first = row * packs, stop = end < first + packs ? end : first + packs;
    for (; p < stop; p += stride) {
      const index column = (p - first) * N;
      int count = N;
      if constexpr (P::multiple % N != 0) count = n - column < N ? int(n - column) : N;
      unrolled<P::steps>([&](auto i) FUSE_INLINE {
        if constexpr (P::step[i].kind == step_kind::load)
          e.template prefetch<static_cast<int>(P::step[i].attribute)>(column);
        if constexpr (P::step[i].element) e.template run<i>(column, count);
      });
      unrolled<P::stores>([&](auto s) FUSE_INLINE { e.template store<s>(column, count); });
    }
  }
}

/// How many packs of N elements run_map has to visit.
template <class P>
FUSE_HD index map_packs(const typename P::arguments& a, int n) {
  return row_count<P>(a) * ((length<P, P::outer>(a) + n - 1) / n);
}

}  // namespace fuse

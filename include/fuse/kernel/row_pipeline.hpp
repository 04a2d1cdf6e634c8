// SPDX-License-Identifier: Apache-2.0
// Rows on one host thread, each pass one row behind the pass before it: while the last pass writes one row, the first
// one reads another, so that reading, computing and writing overlap as they do among the blocks of a device.
#pragma once
#include <fuse/kernel/row.hpp>

namespace fuse {

namespace rows {

template <class P, int N, class Sequence>
struct passes;
/// For each pass the row that it works on, and its sums.
template <class P, int N, int... Pass>
struct passes<P, N, std::integer_sequence<int, Pass...>>
    : held_slot<Pass, row_work<P, single_block, N, 0>>...,
      held_slot<P::stages + Pass, sums_of<P, host_values, N, Pass>>... {
  FUSE_UNCHECKED FUSE_HD passes(const single_block& b, const typename P::arguments& a, char* scratch, index capacity)
      : held_slot<Pass, row_work<P, single_block, N, 0>>{row_work<P, single_block, N, 0>(b, a, scratch, capacity)}...,
        held_slot<P::stages + Pass, sums_of<P, host_values, N, Pass>>{}... {}
};

/// Are so few bytes touched between the first and the last pass over a row that the cache next to the core holds them?
template <class P>
FUSE_HD bool may_overlap(index n) {
  constexpr index enough = 1 << 20;
  return P::stages * n * (scratch_bytes<P, host_values> + P::accesses * 4) <= enough;
}
/// Bytes of scratch memory that run_rows needs.
template <class P>
FUSE_HD index pipeline_bytes(index capacity) {
  return P::stages * scratch_bytes<P, host_values> * capacity;
}

}  // namespace rows

/// Rows [begin, end). `capacity`: elements that each scratch value has room for.
FUSE_UNCHECKED
template <class P, int N>
FUSE_HD void run_rows(const single_block& b, const typename P::arguments& a, index begin, index end, char* scratch,
                      index capacity) {
  using namespace rows;
  constexpr int last = P::stages - 1;
  const index n = length<P, P::outer>(a), packs = (n + N - 1) / N;
  const bool overlap = may_overlap<P>(n);
  passes<P, N, std::make_integer_sequence<int, P::stages>> pass(b, a, scratch, capacity);
  bool busy[P::stages]{};
  bool any = false;
  for (index row = begin; row < end || any;) {
    unrolled<last>([&](auto reversed) FUSE_INLINE {
      constexpr int s = last - reversed;
      busy[s] = busy[s - 1];
      if (busy[s]) held<s>(pass).continue_with(held<s - 1>(pass));
    });
    busy[0] = row < end && (overlap || !any || busy[last]);
    if (busy[0]) {
      held<0>(pass).e.place = place_of_row<P>(a, row);
      held<0>(pass).scratch = scratch + row % P::stages * scratch_bytes<P, host_values> * capacity;
      ++row;
    }
    unrolled<P::stages>([&](auto s) FUSE_INLINE {
      if (busy[s]) held<s>(pass).template start<s>(held<P::stages + s>(pass));
    });
    auto visit = [&](index p) FUSE_INLINE {
      unrolled<P::stages>([&](auto s) FUSE_INLINE {
        if constexpr (has_pass<P>(s))
          if (busy[s]) held<s>(pass).template visit<s>(p, 0, held<P::stages + s>(pass));
      });
    };
    index p = 0;
    for (; packs - p > block_packs;) {
      for (const index stop = p + block_packs; p < stop; ++p) visit(p);
      unrolled<P::stages>([&](auto s) FUSE_INLINE {
        if constexpr (has_pass<P>(s))
          if (busy[s]) held<s>(pass).template end_block<s>(held<P::stages + s>(pass), p);
      });
    }
    for (; p < packs; ++p) visit(p);
    any = false;
    unrolled<P::stages>([&](auto s) FUSE_INLINE {
      if (busy[s]) held<s>(pass).template finish<s>(b, held<P::stages + s>(pass));
      if constexpr (s < last) any = any || busy[s];
    });
    if (busy[last]) held<last>(pass).store_row_values(b, 0, packs);
  }
}

}  // namespace fuse

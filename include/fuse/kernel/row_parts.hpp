// SPDX-License-Identifier: Apache-2.0
// A long row on several host threads: each takes parts of it, pass by pass, and what the parts give is put together in
// order. The result is that of one thread, bit by bit.
#pragma once
#include <cstring>
#include <fuse/kernel/row.hpp>

namespace fuse {

namespace rows {

template <class P>
consteval int count_reductions() {
  int n = 0;
  for (int i = 0; i < P::steps; ++i) n += P::step[i].kind == step_kind::reduce;
  return n;
}
/// The number of step `step` among the reductions.
template <class P>
consteval int reduction_number(int step) {
  int n = 0;
  for (int i = 0; i < step; ++i) n += P::step[i].kind == step_kind::reduce;
  return n;
}
template <class P>
consteval bool fills_rows() {
  for (int i = 0; i < P::stores; ++i)
    if (P::store[i].value >= 0 && !P::step[P::store[i].value].element &&
        P::access[P::store[i].access].inner != stepping::none)
      return true;
  return false;
}

/// Parts of a row of n elements.
template <int N>
FUSE_HD index part_count(index n) {
  return (n + part_packs * N - 1) / (part_packs * N);
}
/// Bytes of scratch memory that run_row_in_parts needs, the row's own first.
template <class P, int N>
FUSE_HD index bytes_in_parts(index capacity) {
  return rows::scratch_bytes<P, host_values> * capacity + part_count<N>(capacity) * count_reductions<P>() * 8;
}

}  // namespace rows

/// One row. share(n, f): f(begin, end) for ranges that make up [0, n), in any threads; returns when all are done.
template <class P, int N, class Share>
void run_row_in_parts(const single_block& b, const typename P::arguments& a, index row, char* scratch, index capacity,
                      const Share& share) {
  using namespace rows;
  const index n = length<P, P::outer>(a), packs = (n + N - 1) / N, parts = part_count<N>(n);
  char* found = scratch + rows::scratch_bytes<P, host_values> * capacity;  // of each part and reduction
  auto end_of = [&](index part) { return (part + 1) * part_packs < packs ? (part + 1) * part_packs : packs; };
  auto place_of = [&](index part, auto i) {
    return found + (part * count_reductions<P>() + reduction_number<P>(i)) * 8;
  };
  row_work<P, single_block, N, 0> w(b, a, scratch, capacity);
  w.e.place = place_of_row<P>(a, row);
  unrolled<P::stages>([&](auto stage) {
    sums_of<P, host_values, N, stage> sums;
    w.template start<stage>(sums);
    if constexpr (has_pass<P>(stage)) {
      share(parts, [&](index begin, index end) {
        row_work<P, single_block, N, 0> mine(b, a, scratch, capacity);
        mine.continue_with(w);
        for (index part = begin; part < end; ++part) {
          sums_of<P, host_values, N, stage> found_here;
          mine.template start<stage>(found_here);
          const index last = end_of(part);
          for (index p = part * part_packs; p < last;) {
            const index stop = last - p < block_packs ? last : p + block_packs;
            for (; p < stop; ++p) mine.template visit<stage>(p, 0, found_here);
            if (p < last) mine.template end_block<stage>(found_here, p);
          }
          mine.template each<stage>([&](auto i) {
            const auto x = held<i>(found_here).of_part();
            static_assert(sizeof x <= 8);
            std::memcpy(place_of(part, i), &x, sizeof x);
          });
        }
      });
      for (index part = 0; part < parts; ++part)
        w.template each<stage>([&](auto i) {
          auto x = held<i>(sums).whole;
          std::memcpy(&x, place_of(part, i), sizeof x);
          held<i>(sums).add_part(x);
        });
      w.template finish<stage>(b, sums);
    }
  });
  if constexpr (fills_rows<P>())
    share(parts, [&](index begin, index end) {
      row_work<P, single_block, N, 0> mine(b, a, scratch, capacity);
      mine.continue_with(w);
      mine.store_row_values(b, begin * part_packs, end_of(end - 1));
    });
  else
    w.store_row_values(b, 0, 0);
}

}  // namespace fuse

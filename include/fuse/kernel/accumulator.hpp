// SPDX-License-Identifier: Apache-2.0
// What a reduction has found of a row so far. Sums are taken of a few packs at a time, those sums of a few sums, and
// what comes of them is added up in f64: an element of a long row is then never small beside what it is added to, as it
// is where one f32 runs through the whole row.
#pragma once
#include <fuse/kernel/block.hpp>
#include <fuse/kernel/program.hpp>

namespace fuse::rows {

/// Packs that are summed up before they are added to others: a block.
inline constexpr int block_packs = 32;
/// On the host, packs whose blocks are summed up before they are added to others: a run of blocks.
inline constexpr int run_packs = 32 * block_packs;
/// Packs of a part of a row, a multiple of run_packs. On the host a reduction is that of its parts, in order: so any
/// number of threads may take them, and find the same.
inline constexpr index part_packs = 32768 / host_lanes;

template <const op_info* Op, class Values, class T, int N>
struct accumulator {
  static constexpr bool adds = Op->adds && std::is_floating_point_v<T>;
  static constexpr bool in_runs = adds && !Values::device;  // a device has no registers to spare
  struct nothing {};
  using wide = std::conditional_t<adds, double, T>;
  using lanes = typename Values::template value<T, N>;
  lanes block;
  std::conditional_t<in_runs, lanes, nothing> run;  // of the blocks of this run that are done
  wide part, whole;                                 // of the runs of this part, and of the parts

  FUSE_UNCHECKED
  FUSE_HD void start(T identity) {
    restart(identity);
    whole = wide(identity);
  }
  /// For another part.
  FUSE_UNCHECKED
  FUSE_HD void restart(T identity) {
    block = Values::template splat<T, N>(identity);
    if constexpr (in_runs) run = block;
    part = wide(identity);
  }
  FUSE_UNCHECKED
  template <class V>
  FUSE_HD void take(const V& x) {
    block = Values::template apply<Op, N>(block, x);
  }
  /// Between blocks.
  FUSE_UNCHECKED
  FUSE_HD void end_block(T identity) {
    if constexpr (in_runs)
      run = Values::template apply<Op, N>(run, block);
    else if constexpr (adds)
      part += wide(Values::template fold<Op>(block));
    if constexpr (adds) block = Values::template splat<T, N>(identity);
  }
  /// Between runs, after the end of a block.
  FUSE_UNCHECKED
  FUSE_HD void end_run(T identity) {
    if constexpr (in_runs) {
      part += wide(Values::template fold<Op>(run));
      run = Values::template splat<T, N>(identity);
    }
  }
  /// Of the run that has not ended.
  FUSE_UNCHECKED
  FUSE_HD T of_run() const {
    if constexpr (in_runs)
      return Values::template fold<Op>(Values::template apply<Op, N>(run, block));
    else
      return of_block();
  }
  /// Where no block has ended.
  FUSE_UNCHECKED
  FUSE_HD T of_block() const { return Values::template fold<Op>(block); }
  /// Of what was taken since the start, or the restart.
  FUSE_UNCHECKED
  FUSE_HD wide of_part() const { return combined(part, wide(of_run())); }
  FUSE_UNCHECKED
  FUSE_HD void add_part(wide x) { whole = combined(whole, x); }
  FUSE_UNCHECKED
  FUSE_HD static wide combined(wide a, wide b) {
    if constexpr (adds)
      return a + b;
    else
      return blocks::combine<Op, Values>(a, b);
  }
};

}  // namespace fuse::rows

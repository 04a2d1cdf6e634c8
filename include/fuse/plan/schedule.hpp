// SPDX-License-Identifier: Apache-2.0
// When each step of a kernel runs: the pass over the row it belongs to, which values must be kept between passes, and
// which axes of the index space can be walked as one.
#pragma once
#include <fuse/plan/partition.hpp>

namespace fuse::planning {

/// Pass s over the row computes the element steps of stage s and accumulates its reductions; row values of stage s are
/// computed before it. Steps that depend on no reduction are moved to the first pass that reads them.
constexpr void assign_stages(kernel_plan& k) {
  auto reads_step = [&](const step& s, int slot) { return s.kind != step_kind::product && s.in[slot] >= 0; };
  for (int i = 0; i < k.step_count; ++i) {
    step& s = k.steps[i];
    for (int j = 0; j < 3; ++j) {
      if (!reads_step(s, j)) continue;
      const step& in = k.steps[s.in[j]];
      const short after = static_cast<short>(in.stage + (in.kind == step_kind::reduce));
      if (after > s.stage) s.stage = after;
    }
  }
  for (int i = k.step_count - 1; i >= 0; --i) {
    step& s = k.steps[i];
    if (!s.element) continue;
    short first = 1000;
    for (int j = i + 1; j < k.step_count; ++j)
      for (int n = 0; n < 3; ++n)
        if (reads_step(k.steps[j], n) && k.steps[j].in[n] == i && k.steps[j].stage < first) first = k.steps[j].stage;
    for (int j = 0; j < k.store_count; ++j)
      if (k.stores[j].value == i || k.stores[j].index == i) first = s.stage;
    if (k.contracted == i) first = s.stage;
    if (first != 1000 && first > s.stage) s.stage = first;
  }
  k.stage_count = 1;
  for (int i = 0; i < k.step_count; ++i) {
    step& s = k.steps[i];
    if (s.stage + 1 > k.stage_count) k.stage_count = s.stage + 1;
    if (!s.element || s.kind == step_kind::coordinate) continue;
    for (int j = i + 1; j < k.step_count; ++j)
      for (int n = 0; n < 3; ++n)
        if (reads_step(k.steps[j], n) && k.steps[j].in[n] == i && k.steps[j].stage > s.stage &&
            (k.steps[j].element || k.steps[j].kind == step_kind::reduce))
          s.keep = true;
  }
}

/// May axes j and j + 1 of the index space be walked as one, as far as this access goes?
/// @post where true, the step along j is the step along j + 1 times the length of j + 1
template <class Graph>
constexpr bool walks_as_one(const Graph& g, const access& a, bool row_major, int j) {
  int outer = -1, inner = -1;
  for (int i = 0; i < a.rank; ++i) {
    const axis_map m = a.axis[i];
    if (m.count == 0) continue;
    if (m.first <= j && j < m.first + m.count) {
      if (outer >= 0) return false;
      outer = i;
    }
    if (m.first <= j + 1 && j + 1 < m.first + m.count) {
      if (inner >= 0) return false;
      inner = i;
    }
  }
  if (outer < 0 && inner < 0) return true;
  if (outer == inner) return true;
  if (outer < 0 || inner < 0 || !row_major) return false;
  for (int between = outer + 1; between < inner; ++between)
    if (g.length(a.dims[between]) != 1) return false;
  if (inner < outer || a.gathered == outer || a.gathered == inner) return false;
  const axis_map x = a.axis[outer], y = a.axis[inner];
  const bool meets = x.first + x.count == j + 1 && y.first == j + 1;
  return meets && y.whole && x.scale == 1;
}

template <class Graph, class RowMajor>
constexpr void collapse(const Graph& g, kernel_plan& k, RowMajor row_major) {
  const int last_outer = k.kind == family::map ? k.inner() : k.inner() - 1;
  short group = 0;
  for (short j = 0; j < k.rank; ++j) {
    bool joined = j > 0 && j <= last_outer;
    for (int a = 0; a < k.access_count && joined; ++a)
      joined = walks_as_one(g, k.accesses[a], row_major(k.accesses[a].buffer), j - 1);
    if (!joined) k.first_axis_of[group++] = j;
    k.last_axis_of[group - 1] = j;
  }
  k.collapsed = group;
}

/// The finished kernel `which` of a partition. What stores nothing could not be built, and is no kernel.
template <class Graph, int Nodes>
constexpr kernel_plan kernel_of(const Graph& g, const partition<Nodes>& p, policy how, int which) {
  partitioner<Graph, Nodes> t(g, how);
  t.p = p;
  const auto built = t.build(which);
  if (!built.possible || built.failed >= 0) return kernel_plan{};
  kernel_plan k = built.kernel;
  assign_stages(k);
  collapse(g, k, [&](int buffer) {
    if (buffer < 0) return false;
    if (p.buffers[buffer].kind == buffer_kind::argument) return g.arguments[buffer].contiguous;
    return t.row_major(buffer);
  });
  return k;
}

}  // namespace fuse::planning

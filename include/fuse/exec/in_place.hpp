// SPDX-License-Identifier: Apache-2.0
// Which outputs of a plan may be the very memory of which arguments.
#pragma once
#include <fuse/kernel/program.hpp>

namespace fuse::session {

/// Does a kernel read an access again in a later pass than the one that stores `stored`?
constexpr bool read_after(const kernel_plan& k, int read, const store_plan& stored) {
  if (stored.value < 0 || !k.steps[stored.value].element) return false;  // stored after the last pass
  const short when = k.steps[stored.value].stage;
  for (int i = 0; i < k.step_count; ++i) {
    if (k.steps[i].kind != step_kind::load || k.steps[i].attribute != read) continue;
    for (int j = i + 1; j < k.step_count; ++j)
      for (int n = 0; n < 3 && k.steps[j].kind != step_kind::product; ++n)
        if (k.steps[j].in[n] == i && k.steps[j].stage > when) return true;
  }
  return false;
}

/// Does the kernel read the access only at the element that it stores, and not later?
constexpr bool reads_in_place(const kernel_plan& k, int read, const store_plan& stored) {
  const access x = k.accesses[read], y = k.accesses[stored.access];
  if (k.kind == family::attention || x.rank != y.rank || x.gathered >= 0 || y.gathered >= 0 || x.alias != y.alias)
    return false;
  for (int r = 0; r < x.rank; ++r)
    if (!(x.axis[r] == y.axis[r])) return false;
  for (int s = 0; s < k.step_count; ++s)  // a contraction reads its operands at many places
    if (k.steps[s].kind == step_kind::product && (k.steps[s].in[0] == read || k.steps[s].in[1] == read)) return false;
  return !read_after(k, read, stored);
}

/// May output buffer o be the very memory of argument a? Yes if nothing reads or copies a once o is being written, but
/// for the kernel that writes o, which may read a at the element it stores. A scatter may replace its target.
template <class Source>
constexpr bool may_be_in_place(int o, int a) {
  constexpr auto& plan = Source::plan;
  bool possible = true;
  int writer = -1;
  for (int r = 0; r < plan.root_count; ++r)
    if (plan.roots[r].buffer == o) writer = plan.roots[r].kernel;
  auto visit = [&](const kernel_plan& k, int number) {
    const short target = plan.buffers[o].copied_from;
    int stored = -1;
    for (int s = 0; s < k.store_count; ++s)
      if (k.accesses[k.stores[s].access].buffer == o) stored = s;
    // Kernels of one launch run in any order.
    const bool later = writer >= 0 && number != writer && plan.launch_of[number] >= plan.launch_of[writer];
    for (int s = 0; s < k.store_count; ++s) {
      const short from = plan.buffers[k.accesses[k.stores[s].access].buffer].copied_from;
      if (later && from >= 0 && plan.state[from].buffer == a) possible = false;
    }
    for (int i = 0; i < k.access_count; ++i) {
      if (k.accesses[i].buffer != a) continue;
      if (later) possible = false;
      if (stored >= 0 && (target >= 0 || !reads_in_place(k, i, k.stores[stored]))) possible = false;
    }
    // The copy of another target would overwrite a before it is read.
    if (stored >= 0 && target >= 0 && plan.state[target].buffer != a) possible = false;
  };
  [&]<int... K>(std::integer_sequence<int, K...>) { (visit(Source::template kernel<K>::k, K), ...); }
  (std::make_integer_sequence<int, Source::kernels>{});
  return possible;
}

}  // namespace fuse::session

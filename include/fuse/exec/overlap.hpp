// SPDX-License-Identifier: Apache-2.0
// Which outputs of a call may share memory with which arguments, and the check that no others do.
#pragma once
#include <fuse/exec/bind.hpp>

namespace fuse::session {

inline bool overlap(const binding::memory& a, const binding::memory& b) {
  const char *a_first = a.data - a.before, *b_first = b.data - b.before;
  return a.bytes > 0 && b.bytes > 0 && a_first < b_first + b.bytes && b_first < a_first + a.bytes;
}
/// The same elements in the same order.
inline bool same_elements(const binding::memory& a, const binding::memory& b) {
  bool same = a.data == b.data && a.rank == b.rank && a.element_size == b.element_size;
  for (int i = 0; i < a.rank && same; ++i)
    same = a.extents[i] == b.extents[i] && (a.extents[i] == 1 || a.strides[i] == b.strides[i]);
  return same;
}

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

/// Throws unless outputs share memory with nothing, but for an argument that they may replace.
template <class Source>
void check_overlap(const char* name, const binding::memory* buffers) {
  constexpr auto& g = Source::graph;
  constexpr int arguments = g.argument_count, outputs = g.output_count;
  struct table_t {
    bool in_place[outputs + 1][arguments + 1]{};
  };
  static constexpr table_t table = [] {
    table_t t;
    for (int o = 0; o < outputs; ++o)
      for (int a = 0; a < arguments; ++a)
        if (!g.arguments[a].scalar) t.in_place[o][a] = may_be_in_place<Source>(arguments + o, a);
    return t;
  }();
  auto complain = [&](int o, const text& what) {
    throw error(error_category::argument, text("fuse::") << name << ": output " << o << " " << what);
  };
  for (int o = 0; o < outputs; ++o) {
    const binding::memory& m = buffers[arguments + o];
    for (int i = 0; i < m.rank; ++i)
      if (m.bytes > 0 && m.extents[i] > 1 && m.strides[i] == 0)
        complain(o, text("has the stride 0 along axis ") << i << ": its elements would overwrite each other");
    for (int a = 0; a < arguments; ++a) {
      if (g.arguments[a].scalar || !overlap(m, buffers[a])) continue;
      if (!same_elements(m, buffers[a]) || !table.in_place[o][a])
        complain(o, text("overlaps ") << Source::argument_name(a)
                                      << ": it would be overwritten before it is read for the last time (give the "
                                         "output memory of its own)");
    }
    for (int p = 0; p < o; ++p)
      if (overlap(m, buffers[arguments + p]))
        complain(o, text("overlaps output ") << p << ": give each its own memory");
    const short target = Source::plan.buffers[arguments + o].copied_from;
    if (target >= 0 && !g.outputs[o].contiguous && !same_elements(m, buffers[Source::plan.state[target].buffer]))
      complain(o, "is strided and not the memory of the tensor that it is scattered into (make it row-major)");
  }
}

}  // namespace fuse::session

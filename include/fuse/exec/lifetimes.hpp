// SPDX-License-Identifier: Apache-2.0
// From when to when each buffer of a plan is needed: temporaries that are never needed at once share memory.
#pragma once
#include <fuse/kernel/program.hpp>

namespace fuse::session {

/// For each buffer the first and the last launch that touches it, or -1.
template <class Source>
struct lifetimes {
  struct table {
    short first[Source::plan.buffer_count + 1], last[Source::plan.buffer_count + 1];
    short place[Source::plan.buffer_count + 1];  // of a temporary
    int places = 0;
  };
  static constexpr table of = [] {
    constexpr auto& plan = Source::plan;
    table t{};
    for (int b = 0; b <= plan.buffer_count; ++b) t.first[b] = t.last[b] = t.place[b] = -1;
    auto touch = [&](short b, short launch) {
      if (b < 0) return;
      if (t.first[b] < 0) t.first[b] = launch;
      t.last[b] = launch;
    };
    [&]<int... K>(std::integer_sequence<int, K...>) {
      auto visit = [&](const kernel_plan& k, short number) {
        for (int i = 0; i < k.access_count; ++i) touch(k.accesses[i].buffer, number);
        for (int s = 0; s < k.store_count; ++s) {  // a scatter copies its target first
          const short from = plan.buffers[k.accesses[k.stores[s].access].buffer].copied_from;
          if (from >= 0) touch(plan.state[from].buffer, number);
        }
      };
      (visit(Source::template kernel<K>::k, plan.launch_of[K]), ...);
    }
    (std::make_integer_sequence<int, Source::kernels>{});

    // Temporaries that are never needed at once share a place; those of one shape first.
    int holder[Source::plan.buffer_count + 1]{};  // of each place: the temporary that it was given to last
    for (int launch = 0; launch < Source::launches; ++launch) {
      for (int b = 0; b < plan.buffer_count; ++b) {
        if (plan.buffers[b].kind != planning::buffer_kind::temporary || t.first[b] != launch) continue;
        int chosen = -1;
        for (int p = 0; p < t.places; ++p) {
          if (t.last[holder[p]] >= launch) continue;
          const node &x = Source::graph.nodes[plan.buffers[b].node],
                     &y = Source::graph.nodes[plan.buffers[holder[p]].node];
          bool same = x.rank == y.rank && plan.buffers[b].type == plan.buffers[holder[p]].type;
          for (int i = 0; i < x.rank && same; ++i) same = x.dims[i] == y.dims[i];
          if (chosen < 0 || same) chosen = p;
          if (same) break;
        }
        if (chosen < 0) chosen = t.places++;
        holder[chosen] = b;
        t.place[b] = static_cast<short>(chosen);
      }
    }
    return t;
  }();
};
/// Which stores of kernel K, a bit each, write what a later kernel of the plan reads.
template <class Source, int K>
constexpr unsigned stores_read_later() {
  constexpr const kernel_plan& k = Source::template kernel<K>::k;
  unsigned bits = 0;
  for (int s = 0; s < k.store_count; ++s)
    if (lifetimes<Source>::of.last[k.accesses[k.stores[s].access].buffer] > Source::plan.launch_of[K]) bits |= 1u << s;
  return bits;
}

}  // namespace fuse::session

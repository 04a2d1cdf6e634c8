// SPDX-License-Identifier: Apache-2.0
// In which order kernels run, and which of them side by side in one launch: found from the memory that they read and
// write.
#pragma once
#include <fuse/plan/spaces.hpp>

namespace fuse::planning {

template <class Graph, int Nodes>
struct kernel_order : space_finder<Graph, Nodes> {
  using finder = space_finder<Graph, Nodes>;
  using finder::g, finder::how, finder::p;
  bool scatters = false;  // some kernel overwrites memory that others read

  /// Sets of buffers, a bit each: what a kernel reads, writes, and overwrites in place (the targets of its scatters).
  struct buffer_set {
    unsigned long long word[(Nodes + max_arguments + max_outputs + 63) / 64]{};
    constexpr void add(int b) { word[b / 64] |= 1ull << b % 64; }
    constexpr bool has(int b) const { return (word[b / 64] >> b % 64 & 1) != 0; }
    constexpr bool meets(const buffer_set& o) const {
      for (int i = 0; i < int(sizeof(word) / sizeof(word[0])); ++i)
        if (word[i] & o.word[i]) return true;
      return false;
    }
  };
  struct effects {
    family kind = family::map;
    bool narrow = true;  // right operands of products are read along the contraction: tiles may have few columns
    buffer_set reads, writes, overwrites;
  };
  effects effect[Nodes + max_outputs]{};

  constexpr effects effects_of(int kernel, const kernel_plan& k) const {
    effects e;
    e.kind = k.kind;
    for (int i = 0; i < k.step_count; ++i)
      if (k.steps[i].kind == step_kind::product && k.accesses[k.steps[i].in[1]].contraction != stepping::unit)
        e.narrow = false;
    for (int i = 0; i < k.access_count; ++i) {
      bool stored = false;
      for (int s = 0; s < k.store_count; ++s) stored = stored || k.stores[s].access == i;
      if (k.accesses[i].buffer >= 0 && !stored) e.reads.add(k.accesses[i].buffer);
    }
    for (int r = 0; r < p.root_count; ++r) {
      if (p.roots[r].kernel != kernel) continue;
      e.writes.add(p.roots[r].buffer);
      const short target = p.buffers[p.roots[r].buffer].copied_from;
      if (target >= 0 && p.state[target].buffer >= 0) e.overwrites.add(p.state[target].buffer);
    }
    return e;
  }
  /// Must x run before y? y reads what x writes, or overwrites what x writes or reads.
  constexpr bool before(const effects& x, const effects& y, bool in_place) const {
    return x.writes.meets(y.reads) || x.writes.meets(y.overwrites) || (in_place && x.reads.meets(y.overwrites));
  }

  /// Numbers for the kernels, and for the launches that they are part of.
  struct schedule {
    short kernel[Nodes + max_outputs]{}, launch[Nodes + max_outputs]{};
    int launches = 0;
  };
  /// Kernels follow those they depend on. False if they depend on each other in a circle. Kernels that read a scatter's
  /// target come before the scatter, if that is possible: only then may it work in place.
  constexpr bool order(schedule& s, int most_parts) const {
    return order(s, most_parts, true) || order(s, most_parts, false);
  }
  constexpr bool order(schedule& s, int most_parts, bool in_place) const {
    s = {};
    if (how == policy::eager && !scatters) {  // one root a kernel: the order of the nodes will do
      for (int r = 0; r < p.root_count; ++r) {
        for (int q = 0; q < p.root_count; ++q)
          s.kernel[r] = static_cast<short>(
              s.kernel[r] + (p.roots[q].node < p.roots[r].node || (p.roots[q].node == p.roots[r].node && q < r)));
        s.launch[r] = s.kernel[r];
      }
      s.launches = p.root_count;
      return true;
    }
    bool waiting[Nodes + max_outputs]{};
    int left = 0;
    for (int r = 0; r < p.root_count; ++r) {
      if (p.roots[r].kernel < 0) continue;
      left += !waiting[p.roots[r].kernel];
      waiting[p.roots[r].kernel] = true;
    }
    for (short next = 0; left > 0; ++s.launches) {
      int part[max_parts]{}, parts = 0;
      for (int y = 0; y < p.root_count && parts < most_parts; ++y) {
        bool ready = waiting[y];
        for (int x = 0; x < p.root_count && ready; ++x)
          if (x != y && waiting[x] && before(effect[x], effect[y], in_place)) ready = false;
        for (int i = 0; i < parts && ready; ++i) ready = beside(effect[part[i]], effect[y]);
        for (int x = 0; x < y && ready && parts > 0; ++x)
          if (waiting[x] && may_replace(y, effect[x].reads)) ready = false;
        if (ready) part[parts++] = y;
      }
      if (parts == 0) return false;
      for (int i = 0; i < parts; ++i, --left) {
        waiting[part[i]] = false;
        s.kernel[part[i]] = next++;
        s.launch[part[i]] = static_cast<short>(s.launches);
      }
    }
    return true;
  }
  /// Kernels without a use for all of a device run side by side in one launch, where neither needs the other.
  static constexpr int max_parts = 4;
  constexpr bool beside(const effects& x, const effects& y) const {
    return x.kind == y.kind && (x.kind == family::map || x.kind == family::tile) && x.narrow == y.narrow &&
           !before(x, y, true) && !before(y, x, true) && !x.writes.meets(y.writes) && !x.overwrites.meets(y.overwrites);
  }
  /// May a caller give a result of this map the memory of an argument that it reads, which others read too? They run
  /// earlier then.
  constexpr bool may_replace(int kernel, const buffer_set& read) const {
    if (effect[kernel].kind != family::map) return false;
    for (int r = 0; r < p.root_count; ++r) {
      const buffer_info& out = p.buffers[p.roots[r].buffer];
      if (p.roots[r].kernel != kernel || out.kind != buffer_kind::output || out.copied_from >= 0) continue;
      for (int a = 0; a < g.argument_count; ++a) {
        const node &x = g.nodes[p.buffers[a].node], &y = g.nodes[out.node];
        if (read.has(a) && effect[kernel].reads.has(a) && x.type == y.type && x.rank == y.rank && g.same_shape(x, y))
          return true;
      }
    }
    return false;
  }
};

}  // namespace fuse::planning

// SPDX-License-Identifier: Apache-2.0
// Which nodes are computed together in one kernel. Cuts are made only where a kernel cannot go on: at grid-wide
// dependencies and at reads that are no affine view. Then kernels over one index space are merged.
//
// @pre  nodes are in topological order
// @post every output is a root of one kernel; a kernel reads only arguments and buffers of earlier kernels
#pragma once
#include <fuse/plan/emit.hpp>

namespace fuse::planning {

enum class policy : std::uint8_t {
  fused,
  eager,  // one kernel per operation, every intermediate stored
};

struct root {
  short node = -1;
  short buffer = -1;
  short kernel = -1;
  cut_reason reason = cut_reason::none;
};

enum class buffer_kind : std::uint8_t { argument, output, temporary };

struct buffer_info {
  buffer_kind kind = buffer_kind::argument;
  short node = -1;
  short copied_from = -1;  // a scatter's target: copied into this buffer first, unless it is the same memory
};

/// The index space that a value is computed over.
struct space {
  family kind = family::map;
  short rank = 0, contraction = -1, column = -1, axes = 0;
  short dims[max_axes]{};
};

template <int Nodes>
struct partition {
  root roots[Nodes + 12]{};
  buffer_info buffers[Nodes + 64]{};
  node_state state[Nodes]{};
  int root_count = 0, buffer_count = 0, kernel_count = 0;
};

template <class Graph, int Nodes>
struct partitioner {
  const Graph& g;
  policy how;
  partition<Nodes> p{};
  bool live[Nodes]{};
  bool scatters = false;

  constexpr partitioner(const Graph& graph, policy chosen) : g(graph), how(chosen) {}

  static constexpr bool is_view(op_kind k) { return k == op_kind::reindex || k == op_kind::reshape; }
  constexpr bool is_tensor_argument(int id) const {
    return g.nodes[id].kind() == op_kind::argument && !g.arguments[g.nodes[id].attribute].scalar;
  }

  // ---- roots ----
  constexpr void add_root(int node, cut_reason why) {
    if (p.state[node].buffer >= 0) return;
    const short b = static_cast<short>(p.buffer_count++);
    p.buffers[b].kind = buffer_kind::temporary;
    p.buffers[b].node = static_cast<short>(node);
    p.state[node].buffer = b;
    p.roots[p.root_count++] = {static_cast<short>(node), b, -1, why};
  }

  constexpr void mark_live() {
    for (int i = 0; i < g.output_count; ++i) live[g.outputs[i].node] = true;
    for (int i = g.node_count - 1; i >= 0; --i)
      if (live[i])
        for (int k = 0; k < 3; ++k)
          if (g.nodes[i].in[k] >= 0) live[g.nodes[i].in[k]] = true;
  }

  constexpr void first_roots() {
    for (int a = 0; a < g.argument_count; ++a) {
      const short b = static_cast<short>(p.buffer_count++);
      p.buffers[b].node = g.arguments[a].node;
      if (!g.arguments[a].scalar && g.arguments[a].node >= 0) p.state[g.arguments[a].node].buffer = b;
    }
    for (int o = 0; o < g.output_count; ++o) {
      const short b = static_cast<short>(p.buffer_count++), node = g.outputs[o].node;
      p.buffers[b].kind = buffer_kind::output;
      p.buffers[b].node = node;
      if (p.state[node].buffer < 0 && g.outputs[o].contiguous) p.state[node].buffer = b;
      p.roots[p.root_count++] = {node, b, -1, cut_reason::output};
    }
    for (int i = 0; i < g.node_count; ++i) {
      if (!live[i]) continue;
      const op_kind k = g.nodes[i].kind();
      scatters = scatters || k == op_kind::scatter;
      if (k == op_kind::scatter) add_root(i, cut_reason::scattered);
      const bool scalar =
          g.nodes[i].rank == 0 && (k == op_kind::pointwise || k == op_kind::cast);  // computed where it is used
      const bool computes =
          k != op_kind::argument && k != op_kind::constant && k != op_kind::extent && !is_view(k) && !scalar;
      if (how == policy::eager && computes) add_root(i, cut_reason::eager);
    }
    for (int r = 0; r < p.root_count; ++r)
      if (g.nodes[p.roots[r].node].kind() == op_kind::scatter)
        p.buffers[p.roots[r].buffer].copied_from = g.nodes[p.roots[r].node].in[0];
  }

  // ---- what a root is computed from, and where it is stored ----
  /// The value below the views that a store can undo: any reshapes on top, then permutations.
  struct peeled {
    short base = -1;
    short top = -1;      // the node whose axes the store addresses
    bool alias = false;  // the buffer is seen with the dims of `top`
    short chain[8]{};    // permutations from top down to the base
    int count = 0;
  };
  constexpr bool is_permutation(const node& n) const {
    if (n.kind() != op_kind::reindex) return false;
    const index_map& m = g.maps[n.attribute];
    bool used[max_rank]{};
    for (int i = 0; i < m.rank; ++i) {
      const axis_map a = m.axis[i];
      if (a.count == 0 && a.offset == 0 && a.offset_dim < 0 && g.length(g.nodes[n.in[0]].dims[i]) == 1) continue;
      if (!a.plain() || used[a.first] || !g.same_dim(n.dims[a.first], g.nodes[n.in[0]].dims[i])) return false;
      used[a.first] = true;
    }
    for (int o = 0; o < n.rank; ++o)
      if (!used[o] && g.length(n.dims[o]) != 1) return false;
    return true;
  }
  constexpr bool stops(int id) const { return p.state[id].buffer >= 0; }
  constexpr peeled peel(int id, bool row_major) const {
    peeled r;
    if (g.nodes[id].kind() == op_kind::scatter) {
      r.base = g.nodes[id].in[2];
      r.top = static_cast<short>(id);
      // Rows written whole may have any axes inside: the buffer is then seen with those of what is computed.
      const node& values = g.nodes[r.base];
      if (how == policy::fused && row_major && g.nodes[id].attribute == 0 && values.kind() == op_kind::reshape &&
          !stops(values.in[0]) && g.nodes[values.in[0]].rank > 0 &&
          g.same_dim(g.nodes[values.in[0]].dims[0], values.dims[0])) {
        r.base = values.in[0];
        r.alias = true;
      }
      return r;
    }
    r.top = r.base = static_cast<short>(id);
    while (row_major && g.nodes[r.base].kind() == op_kind::reshape && !stops(g.nodes[r.base].in[0])) {
      r.top = r.base = g.nodes[r.base].in[0];
      r.alias = true;
    }
    while (how == policy::fused && r.count < 8 && is_permutation(g.nodes[r.base]) && !stops(g.nodes[r.base].in[0])) {
      r.chain[r.count++] = r.base;
      r.base = g.nodes[r.base].in[0];
    }
    return r;
  }

  /// The first unmaterialised node of a kind in what a value is computed from, not looking below contractions and
  /// reductions; -1 if there is none that `fits`.
  template <class Fits>
  constexpr short search(int id, Fits fits) const {
    bool seen[Nodes]{};
    short stack[Nodes]{};
    int depth = 0;
    stack[depth++] = static_cast<short>(id);
    seen[id] = true;
    bool first = true;
    while (depth > 0) {
      const short i = stack[--depth];
      const node& n = g.nodes[i];
      if (!first && stops(i)) continue;
      first = false;
      if (fits(i)) return i;
      if (n.kind() == op_kind::reduce || n.kind() == op_kind::matmul || n.kind() == op_kind::scatter) continue;
      for (int k = 0; k < 3; ++k)
        if (n.in[k] >= 0 && !seen[n.in[k]]) {
          seen[n.in[k]] = true;
          stack[depth++] = n.in[k];
        }
    }
    return -1;
  }

  /// Is `n` one value for each row of `input`: (outer…, 1) or (outer…)?
  constexpr bool is_row_of(const node& n, const node& input) const {
    if (n.rank != input.rank && n.rank != input.rank - 1) return false;
    for (int i = 0; i < input.rank - 1; ++i)
      if (!g.same_dim(n.dims[i], input.dims[i])) return false;
    return n.rank == input.rank - 1 || g.length(n.dims[n.rank - 1]) == 1;
  }

  constexpr space over(const node& n, family kind) const {
    space s;
    s.kind = kind;
    s.rank = s.axes = n.rank;
    for (int i = 0; i < n.rank; ++i) s.dims[i] = g.canonical(n.dims[i]);
    if (n.rank == 0) {  // a scalar: one row of one element
      s.rank = s.axes = 1;
      s.dims[0] = 0;  // dim 0 is the constant 1
    }
    return s;
  }

  constexpr space space_of(int base) const {
    const node& x = g.nodes[base];
    if (x.kind() == op_kind::matmul) {
      const node& left = g.nodes[x.in[0]];
      const bool row_inside =
          how == policy::fused && !stops(x.in[0]) && search(x.in[0], [&](int i) {
                                                       return g.nodes[i].kind() == op_kind::reduce &&
                                                              g.same_shape(g.nodes[g.nodes[i].in[0]], left);
                                                     }) >= 0;
      // A normalised row times a weight is no attention: one block would read the whole weight for its row.
      const short scores = row_inside ? score_product(x.in[0], left) : short(-1);
      if (scores < 0) return with_contraction(over(x, family::tile), left);
      space s = with_contraction(over(left, family::attention), g.nodes[g.nodes[scores].in[0]]);
      s.column = s.axes;
      s.dims[s.axes++] = g.canonical(x.dims[x.rank - 1]);
      return s;
    }
    const short reduction = search(base, [&](int i) {
      if (g.nodes[i].kind() != op_kind::reduce) return false;
      const node& input = g.nodes[g.nodes[i].in[0]];
      return g.same_shape(x, input) || is_row_of(x, input);
    });
    if (reduction >= 0) return over(g.nodes[g.nodes[reduction].in[0]], family::row);
    const short contraction =
        search(base, [&](int i) { return g.nodes[i].kind() == op_kind::matmul && g.same_shape(x, g.nodes[i]); });
    if (contraction >= 0) return with_contraction(over(x, family::tile), g.nodes[g.nodes[contraction].in[0]]);
    return over(x, family::map);
  }
  constexpr space with_contraction(space s, const node& left) const {
    s.contraction = s.axes;
    s.dims[s.axes++] = g.canonical(left.dims[left.rank - 1]);
    return s;
  }
  /// The product of the row's own shape below the row's reductions: attention scores.
  constexpr short score_product(int id, const node& row) const {
    bool seen[Nodes]{};
    short stack[Nodes]{};
    int depth = 0;
    stack[depth++] = static_cast<short>(id);
    while (depth > 0) {
      const short i = stack[--depth];
      const node& n = g.nodes[i];
      if (stops(i)) continue;
      if (n.kind() == op_kind::matmul) {
        if (g.same_shape(n, row)) return i;
        continue;
      }
      for (int k = 0; k < 3; ++k)
        if (n.in[k] >= 0 && !seen[n.in[k]]) {
          seen[n.in[k]] = true;
          stack[depth++] = n.in[k];
        }
    }
    return -1;
  }

  constexpr bool same_space(const space& a, const space& b) const {
    if (a.axes != b.axes || a.rank != b.rank) return false;
    for (int i = 0; i < a.axes; ++i)
      if (a.dims[i] != b.dims[i]) return false;
    return true;
  }

  // ---- one kernel ----
  struct outcome {
    kernel_plan kernel{};
    short failed = -1;
    cut_reason reason = cut_reason::none;
    bool possible = true;
  };

  /// The space of a group of roots; `kind` is the most demanding family among them. False if they differ.
  constexpr bool common_space(int kernel, space& s) const {
    bool any = false;
    for (int r = 0; r < p.root_count; ++r) {
      if (p.roots[r].kernel != kernel) continue;
      const peeled q = peel(p.roots[r].node, row_major(p.roots[r].buffer));
      const space t = space_of(q.base);
      if (!any) {
        s = t;
        any = true;
        continue;
      }
      if (s.kind == family::attention || t.kind == family::attention) return false;
      if (s.kind == family::map || t.kind == s.kind) {
        if (s.kind == family::tile && !same_space(s, t)) return false;
        const space narrow = s;
        s = t;
        if (!fits(narrow, s)) return false;
      } else if (t.kind == family::map) {
        if (!fits(t, s)) return false;
      } else {
        return false;
      }
    }
    return any;
  }
  /// Can values over `part` be computed in a kernel over `whole`: same axes, or one value a row?
  constexpr bool fits(const space& part, const space& whole) const {
    auto prefix = [&](int n) {
      for (int i = 0; i < n; ++i)
        if (part.dims[i] != whole.dims[i]) return false;
      return true;
    };
    if (part.rank == whole.rank && prefix(part.rank)) return true;
    if (whole.kind != family::row || part.kind != family::map) return false;
    if (part.rank == whole.rank - 1) return prefix(part.rank);
    return part.rank == whole.rank && part.dims[part.rank - 1] >= 0 && g.length(part.dims[part.rank - 1]) == 1 &&
           prefix(part.rank - 1);
  }
  constexpr bool row_major(int buffer) const {
    for (int o = 0; o < g.output_count; ++o)
      if (p.buffers[buffer].kind == buffer_kind::output && buffer == g.argument_count + o)
        return g.outputs[o].contiguous;
    return true;
  }

  constexpr outcome build(int kernel) const {
    outcome r;
    space s;
    if (!common_space(kernel, s)) {
      r.possible = false;
      return r;
    }
    node_state state[Nodes]{};
    for (int i = 0; i < Nodes; ++i) state[i] = p.state[i];
    emitter<Graph, Nodes> e(g, state);
    e.k.kind = s.kind;
    e.k.rank = s.rank, e.k.contraction = s.contraction, e.k.column = s.column, e.k.axes = s.axes;
    for (int i = 0; i < s.axes; ++i) e.k.dims[i] = s.dims[i];
    for (int i = 0; i < p.root_count; ++i) {
      if (p.roots[i].kernel != kernel || is_tensor_argument(p.roots[i].node)) continue;
      node_state& n = state[p.roots[i].node];
      // A view is no value of its own: whoever reads it in this kernel reads through it.
      n.in_kernel = !is_view(g.nodes[p.roots[i].node].kind());
      if (!n.in_kernel) n.buffer = -1;
      n.whole = e.has_domain_shape(g.nodes[p.roots[i].node]);
    }
    for (int i = 0; i < p.root_count && e.failed < 0; ++i)
      if (p.roots[i].kernel == kernel) emit_root(e, p.roots[i]);
    r.kernel = e.k;
    r.failed = e.failed;
    r.reason = e.reason;
    return r;
  }

  constexpr void emit_root(emitter<Graph, Nodes>& e, const root& r) const {
    const peeled q = peel(r.node, row_major(r.buffer));
    const node& base = g.nodes[q.base];
    store_plan st;
    index_map place;
    if (e.k.kind == family::attention) {
      place = identity_frame(base.rank);
      place.axis[base.rank - 1] = axis_from(e.k.column);
      e.k.contracted = e.emit(base.in[0], identity_frame(e.k.rank));
      index_map matrix = identity_frame(base.rank);
      matrix.axis[base.rank - 2] = axis_from(e.k.inner());
      matrix.axis[base.rank - 1] = axis_from(e.k.column);
      if (e.failed < 0) e.k.contracted_access = e.memory(base.in[1], matrix);
      e.k.contracted_type = base.type;
    } else {
      place = e.has_domain_shape(base) || base.rank == 0 ? identity_frame(base.rank) : e.row_frame(base);
      st.value = e.emit(q.base, place);
    }
    if (e.failed >= 0) return;

    for (int c = q.count - 1; c >= 0; --c) {  // the place of each permuted view, from the base upwards
      const node& view = g.nodes[q.chain[c]];
      const index_map& m = g.maps[view.attribute];
      index_map up;
      up.rank = view.rank;
      for (int i = 0; i < m.rank; ++i)
        if (m.axis[i].count > 0) up.axis[m.axis[i].first] = place.axis[i];
      place = up;
    }
    access a;
    const bool is_scatter = g.nodes[r.node].kind() == op_kind::scatter;
    const node& top = is_scatter && q.alias ? base : g.nodes[q.top];
    a.buffer = r.buffer;
    a.type = g.nodes[r.node].type;
    a.alias = q.alias;
    a.rank = top.rank;
    for (int i = 0; i < top.rank; ++i) {
      a.axis[i] = place.axis[i];
      a.dims[i] = g.canonical(top.dims[i]);
    }
    if (is_scatter) {
      const node& n = g.nodes[r.node];
      a.dims[n.attribute] = g.canonical(n.dims[n.attribute]);
      a.gathered = static_cast<short>(n.attribute);
      index_map at;
      at.rank = 1;
      at.axis[0] = place.axis[n.attribute];
      a.axis[n.attribute] = axis_map{};
      st.index = e.emit(n.in[1], at);
      if (e.failed >= 0) return;
    }
    if (e.k.store_count == kernel_plan::max_stores) {
      e.fail(r.node, cut_reason::large);
      return;
    }
    st.access = e.push(a, row_major(r.buffer));
    e.k.stores[e.k.store_count++] = st;
  }

  // ---- the plan ----
  /// Sets of buffers, a bit each: what a kernel reads, writes, and overwrites in place (the targets of its scatters).
  struct buffer_set {
    unsigned long long word[(Nodes + 64 + 63) / 64]{};
    constexpr void add(int b) { word[b / 64] |= 1ull << b % 64; }
    constexpr bool meets(const buffer_set& o) const {
      for (int i = 0; i < int(sizeof(word) / sizeof(word[0])); ++i)
        if (word[i] & o.word[i]) return true;
      return false;
    }
  };
  struct effects {
    buffer_set reads, writes, overwrites;
  };
  effects effect[Nodes + 12]{};

  constexpr effects effects_of(int kernel, const kernel_plan& k) const {
    effects e;
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
  constexpr bool before(const effects& x, const effects& y) const {
    return x.writes.meets(y.reads) || x.writes.meets(y.overwrites) || x.reads.meets(y.overwrites);
  }

  constexpr void cut() {
    // A root's kernel is built alone until nothing in it needs a further cut. A cut made for one root only gives the
    // others more to find in memory.
    const int known = p.root_count;
    for (int r = 0; r < p.root_count; ++r) {
      p.roots[r].kernel = static_cast<short>(r);
      while (true) {
        const outcome o = build(r);
        if (o.failed < 0) {
          if (how == policy::fused || scatters) effect[r] = effects_of(r, o.kernel);
          break;
        }
        if (p.state[o.failed].buffer >= 0) this_plan_cannot_be_cut();
        add_root(with_epilogue(o.failed, p.roots[r].node), o.reason);
      }
    }
    const bool again = p.root_count > known && (how == policy::fused || scatters);
    for (int r = 0; r < p.root_count && again; ++r) effect[r] = effects_of(r, build(r).kernel);
  }
  /// The last node of a chain of pointwise nodes that are the only readers of one another: what follows a contraction
  /// or a reduction on the way to memory costs nothing there, and its consumers then read one tensor.
  constexpr short with_epilogue(short id, int root) const {
    if (g.nodes[id].kind() != op_kind::matmul && g.nodes[id].kind() != op_kind::reduce) return id;
    while (true) {
      short reader = -1;
      int readers = 0;
      for (int i = id + 1; i < g.node_count; ++i)
        for (int k = 0; k < 3 && live[i]; ++k)
          if (g.nodes[i].in[k] == id && reader != i) reader = static_cast<short>(i), ++readers;
      for (int o = 0; o < g.output_count; ++o) readers += g.outputs[o].node == id;
      if (readers != 1 || reader < 0 || reader == root || stops(reader)) return id;
      const node& n = g.nodes[reader];
      const bool follows =
          (n.kind() == op_kind::pointwise || n.kind() == op_kind::cast) && g.same_shape(n, g.nodes[id]);
      if (!follows || size_of(n.type) > size_of(g.nodes[id].type)) return id;
      id = reader;
    }
  }
  static void this_plan_cannot_be_cut() {}  // not constexpr: reaching it stops the compilation here

  /// Kernels over one index space become one, where no kernel has to run between them.
  constexpr void merge() {
    if (how == policy::eager) return;
    for (int a = 0; a < p.root_count; ++a) {
      for (int b = a + 1; b < p.root_count; ++b) {
        const short to = p.roots[a].kernel, from = p.roots[b].kernel;
        if (from == to || !compatible(to, from)) continue;
        const partition<Nodes> undo = p;
        for (int r = 0; r < p.root_count; ++r)
          if (p.roots[r].kernel == from) p.roots[r].kernel = to;
        const outcome o = build(to);
        const effects undo_effect = effect[to];
        if (o.possible && o.failed < 0) effect[to] = effects_of(to, o.kernel);
        short rank[Nodes + 12]{};
        if (!o.possible || o.failed >= 0 || !order(rank)) {
          p = undo;
          effect[to] = undo_effect;
        }
      }
    }
  }
  constexpr bool compatible(int x, int y) const {
    space s, t;
    if (!common_space(x, s) || !common_space(y, t)) return false;
    if (s.kind == family::attention || t.kind == family::attention) return false;
    return fits(s, t) || fits(t, s);
  }

  /// Numbers the kernels so that each follows those it depends on. False if they depend on each other in a circle.
  constexpr bool order(short (&rank)[Nodes + 12]) const {
    if (how == policy::eager && !scatters) {  // one root a kernel: the order of the nodes will do
      for (int r = 0; r < p.root_count; ++r) {
        rank[r] = 0;
        for (int q = 0; q < p.root_count; ++q)
          rank[r] = static_cast<short>(
              rank[r] + (p.roots[q].node < p.roots[r].node || (p.roots[q].node == p.roots[r].node && q < r)));
      }
      return true;
    }
    bool waiting[Nodes + 12]{};
    int left = 0;
    for (int r = 0; r < p.root_count; ++r) {
      left += !waiting[p.roots[r].kernel];
      waiting[p.roots[r].kernel] = true;
    }
    for (short next = 0; left > 0; ++next, --left) {
      int chosen = -1;
      for (int y = 0; y < p.root_count && chosen < 0; ++y) {
        bool ready = waiting[y];
        for (int x = 0; x < p.root_count && ready; ++x)
          if (x != y && waiting[x] && before(effect[x], effect[y])) ready = false;
        if (ready) chosen = y;
      }
      if (chosen < 0) return false;
      waiting[chosen] = false;
      rank[chosen] = next;
    }
    return true;
  }

  constexpr partition<Nodes> run() {
    mark_live();
    first_roots();
    cut();
    merge();
    short rank[Nodes + 12]{};
    if (!order(rank)) this_plan_cannot_be_cut();
    for (int r = 0; r < p.root_count; ++r) {
      p.roots[r].kernel = rank[p.roots[r].kernel];
      if (p.roots[r].kernel >= p.kernel_count) p.kernel_count = p.roots[r].kernel + 1;
    }
    return p;
  }
};

}  // namespace fuse::planning

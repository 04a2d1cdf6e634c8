// SPDX-License-Identifier: Apache-2.0
// Which nodes are computed together in one kernel. Cuts are made only where a kernel cannot go on: at grid-wide
// dependencies and at reads that are no affine view. Then kernels over one index space are merged.
//
// @pre  nodes are in topological order
// @post every output is a root of one kernel; a kernel reads only arguments and buffers of earlier kernels
#pragma once
#include <fuse/plan/order.hpp>

namespace fuse::planning {

template <class Graph, int Nodes>
struct partitioner : kernel_order<Graph, Nodes> {
  using orders = kernel_order<Graph, Nodes>;
  using orders::effect, orders::effects_of, orders::max_parts, orders::order, orders::scatters;
  using orders::fits, orders::g, orders::how, orders::is_tensor_argument, orders::is_view, orders::p, orders::peel;
  using orders::same_space, orders::space_of_root, orders::stops;
  using typename orders::effects, typename orders::peeled, typename orders::schedule;
  bool live[Nodes]{};

  constexpr partitioner(const Graph& graph, policy chosen) : orders{{graph, chosen}} {}

  // ---- roots ----
  constexpr void add_root(int node, cut_reason why) {
    if (p.state[node].buffer >= 0) return;
    const short b = static_cast<short>(p.buffer_count++);
    p.buffers[b].kind = buffer_kind::temporary;
    p.buffers[b].type = why == cut_reason::other_row ? unrounded(g.nodes[node].type) : g.nodes[node].type;
    p.buffers[b].node = static_cast<short>(node);
    p.state[node].buffer = b;
    p.state[node].stored = p.buffers[b].type;
    p.roots[p.root_count++] = {static_cast<short>(node), b, -1, why};
  }

  /// What a kernel computes in: one value a row costs no bandwidth, and keeps the range that its kernel gave it.
  static constexpr dtype unrounded(dtype d) { return d == dtype::f16 || d == dtype::bf16 ? dtype::f32 : d; }

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
      p.buffers[b].type = g.arguments[a].type;
      p.buffers[b].node = g.arguments[a].node;
      p.state[g.arguments[a].node].stored = g.arguments[a].type;
      if (!g.arguments[a].scalar) p.state[g.arguments[a].node].buffer = b;
    }
    for (int o = 0; o < g.output_count; ++o) {
      const short b = static_cast<short>(p.buffer_count++), node = g.outputs[o].node;
      p.buffers[b].kind = buffer_kind::output;
      p.buffers[b].type = g.nodes[node].type;
      p.buffers[b].node = node;
      if (p.state[node].buffer < 0 && g.outputs[o].contiguous) {
        p.state[node].buffer = b;
        p.state[node].stored = g.nodes[node].type;
      }
      p.roots[p.root_count++] = {node, b, -1, cut_reason::output};
    }
    for (int i = 0; i < g.node_count; ++i) {
      if (!live[i]) continue;
      const op_kind k = g.nodes[i].kind();
      scatters = scatters || k == op_kind::scatter;
      if (k == op_kind::scatter) {
        add_root(i, cut_reason::scattered);
        add_root(g.nodes[i].in[0], cut_reason::scattered);  // its target is memory
      }
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
      const space t = space_of_root(p.roots[r].node, q.base);
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
  constexpr bool row_major(int buffer) const {
    for (int o = 0; o < g.output_count; ++o)
      if (p.buffers[buffer].kind == buffer_kind::output && buffer == g.argument_count + o)
        return g.outputs[o].contiguous;
    return true;
  }

  /// `may_cut`: what comes near the end of what a kernel takes is to be cut.
  constexpr outcome build(int kernel, bool may_cut = false) const {
    outcome r;
    space s;
    if (!common_space(kernel, s)) {
      r.possible = false;
      return r;
    }
    node_state state[Nodes]{};
    for (int i = 0; i < Nodes; ++i) state[i] = p.state[i];
    emitter<Graph, Nodes> e(g, state, may_cut);
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
      if (p.roots[i].kernel == kernel) {
        emit_root(e, p.roots[i]);
        if (e.full) e.fail(p.roots[i].node, cut_reason::large);
      }
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
    const bool is_scatter = g.nodes[r.node].kind() == op_kind::scatter;
    if (e.k.kind == family::attention) {
      if (is_scatter) {  // what an attention kernel computes has no places of its own
        e.fail(q.base, cut_reason::matmul);
        return;
      }
      place = identity_frame(base.rank);
      place.axis[base.rank - 1] = axis_from(e.k.column);
      e.k.contracted = e.emit(base.in[0], identity_frame(e.k.rank));
      index_map matrix = identity_frame(base.rank);
      matrix.axis[base.rank - 2] = axis_from(e.k.inner());
      matrix.axis[base.rank - 1] = axis_from(e.k.column);
      if (e.failed < 0 && !e.k.steps[e.k.contracted].element) e.fail(base.in[0], cut_reason::operand);
      if (e.failed < 0) e.k.contracted_access = e.memory(base.in[1], matrix);
      if (e.full) return;
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
    const node& top = is_scatter && q.alias ? base : g.nodes[q.top];
    a.buffer = r.buffer;
    a.type = p.buffers[r.buffer].type;
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
      if (e.failed < 0 && follows_reduction(e.k, st.index)) e.fail(n.in[1], cut_reason::operand);
      if (e.failed >= 0) return;
    }
    if (e.k.store_count == kernel_plan::max_stores) {
      e.fail(r.node, cut_reason::large);
      return;
    }
    st.access = e.push(a, row_major(r.buffer));
    if (st.access < 0) return;
    e.k.stores[e.k.store_count++] = st;
  }

  /// Is a step computed from a reduction of its own kernel?
  static constexpr bool follows_reduction(const kernel_plan& k, short step) {
    bool follows[kernel_plan::max_steps]{};
    for (int i = 0; i <= step; ++i) {
      follows[i] = k.steps[i].kind == step_kind::reduce;
      for (int j = 0; j < 3 && k.steps[i].kind != step_kind::product; ++j)
        if (k.steps[i].in[j] >= 0) follows[i] = follows[i] || follows[k.steps[i].in[j]];
    }
    return follows[step];
  }

  // ---- the plan ----
  constexpr bool fail(int node, cut_reason why) {
    p.failed = static_cast<short>(node), p.reason = why;
    return false;
  }
  /// Each root's kernel is built alone, and what it cannot compute becomes a root. A cut for one root gives the others
  /// more to find in memory, and may take from them what they were: all are built again, until none needs a cut.
  constexpr bool cut() {
    int known[Nodes + max_outputs]{};  // of each root: how many roots there were when its kernel was built
    for (int before = -1; before != p.root_count;) {
      before = p.root_count;
      for (int r = 0; r < p.root_count; ++r) {
        p.roots[r].kernel = static_cast<short>(r);
        while (known[r] != p.root_count) {
          const outcome o = build(r, true);
          if (o.failed < 0) {
            if (!o.possible) return fail(p.roots[r].node, cut_reason::none);
            if (how == policy::fused || scatters) effect[r] = effects_of(r, o.kernel);
            known[r] = p.root_count;
            continue;
          }
          if (p.state[o.failed].buffer >= 0) return fail(o.failed, o.reason);
          add_root(with_epilogue(o.failed, p.roots[r].node), o.reason);
        }
      }
    }
    return true;
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
  /// Kernels over one index space become one, where no kernel has to run between them.
  constexpr void merge() {
    if (how == policy::eager) return;
    for (int a = 0; a < p.root_count; ++a) {
      for (int b = a + 1; b < p.root_count; ++b) {
        const short to = p.roots[a].kernel, from = p.roots[b].kernel;
        if (from == to || from < 0 || to < 0 || !compatible(to, from)) continue;
        const partition<Nodes> undo = p;
        for (int r = 0; r < p.root_count; ++r)
          if (p.roots[r].kernel == from) p.roots[r].kernel = to;
        const outcome o = build(to);
        const effects undo_effect = effect[to];
        if (o.possible && o.failed < 0) effect[to] = effects_of(to, o.kernel);
        schedule ignored;
        const bool overwrites_what_it_reads =
            effect[to].reads.meets(effect[to].overwrites) || effect[to].writes.meets(effect[to].overwrites);
        if (!o.possible || o.failed >= 0 || overwrites_what_it_reads || !order(ignored, 1)) {
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

  /// Takes out temporaries that no kernel reads: a further cut, or the kernel that computes them, has their readers.
  constexpr void drop_unread() {
    for (bool changed = how == policy::fused || scatters; changed;) {
      changed = false;
      for (int r = 0; r < p.root_count; ++r) {
        const short kernel = p.roots[r].kernel, buffer = p.roots[r].buffer;
        if (kernel < 0 || p.buffers[buffer].kind != buffer_kind::temporary || is_read(buffer)) continue;
        p.roots[r].kernel = -1;
        p.state[p.roots[r].node].buffer = -1;
        if (has_roots(kernel)) {
          const outcome o = build(kernel);
          if (!o.possible || o.failed >= 0) {
            p.roots[r].kernel = kernel;
            p.state[p.roots[r].node].buffer = buffer;
            continue;
          }
          effect[kernel] = effects_of(kernel, o.kernel);
        }
        changed = true;
      }
    }
  }
  constexpr bool has_roots(int kernel) const {
    for (int r = 0; r < p.root_count; ++r)
      if (p.roots[r].kernel == kernel) return true;
    return false;
  }
  constexpr bool is_read(int buffer) const {
    for (int r = 0; r < p.root_count; ++r)
      if (p.roots[r].kernel >= 0 &&
          (effect[p.roots[r].kernel].reads.has(buffer) || effect[p.roots[r].kernel].overwrites.has(buffer)))
        return true;
    return false;
  }
  /// Closes the gaps that dropped roots leave.
  constexpr void close_gaps() {
    short moved[Nodes + max_arguments + max_outputs]{};
    bool dropped[Nodes + max_arguments + max_outputs]{};
    int roots = 0, buffers = 0;
    for (int r = 0; r < p.root_count; ++r) {
      if (p.roots[r].kernel < 0)
        dropped[p.roots[r].buffer] = true;
      else
        p.roots[roots++] = p.roots[r];
    }
    p.root_count = roots;
    for (int b = 0; b < p.buffer_count; ++b) {
      moved[b] = static_cast<short>(buffers);
      if (!dropped[b]) p.buffers[buffers++] = p.buffers[b];
    }
    p.buffer_count = buffers;
    for (int r = 0; r < p.root_count; ++r) p.roots[r].buffer = moved[p.roots[r].buffer];
    for (int i = 0; i < g.node_count; ++i)
      if (p.state[i].buffer >= 0) p.state[i].buffer = moved[p.state[i].buffer];
  }

  /// A plan that failed has no kernels, and says which node failed.
  constexpr partition<Nodes> run() {
    mark_live();
    first_roots();
    schedule s;
    if (cut()) {
      drop_unread();
      merge();
      drop_unread();
      if (!order(s, how == policy::fused ? max_parts : 1)) fail(p.roots[0].node, cut_reason::scattered);
    }
    if (p.failed >= 0) {
      p.root_count = 0;
      return p;
    }
    close_gaps();
    for (int r = 0; r < p.root_count; ++r) {
      const short kernel = s.kernel[p.roots[r].kernel];
      p.launch_of[kernel] = s.launch[p.roots[r].kernel];
      p.roots[r].kernel = kernel;
      if (kernel >= p.kernel_count) p.kernel_count = kernel + 1;
    }
    p.launch_count = s.launches;
    return p;
  }
};

}  // namespace fuse::planning

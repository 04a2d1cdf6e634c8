// SPDX-License-Identifier: Apache-2.0
// What is known of a plan while it is made, and over which index space a value is computed.
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
  dtype type = dtype::f32;
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
  root roots[Nodes + max_outputs]{};
  buffer_info buffers[Nodes + max_arguments + max_outputs]{};
  node_state state[Nodes]{};
  short launch_of[Nodes + max_outputs]{};  // of each kernel: several that need nothing of each other are one launch
  int root_count = 0, buffer_count = 0, kernel_count = 0, launch_count = 0;
  // Where there is no plan: the node that no kernel can compute, although it may start from memory, and why.
  short failed = -1;
  cut_reason reason = cut_reason::none;
};

/// Reads a graph and an unfinished partition; decides nothing that is kept.
template <class Graph, int Nodes>
struct space_finder {
  const Graph& g;
  policy how;
  partition<Nodes> p{};

  static constexpr bool is_view(op_kind k) { return k == op_kind::reindex || k == op_kind::reshape; }
  constexpr bool is_tensor_argument(int id) const {
    return g.nodes[id].kind() == op_kind::argument && !g.arguments[g.nodes[id].attribute].scalar;
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

  /// The space of a root; what a scatter only moves from one memory to another has no family of its own.
  constexpr space space_of_root(int root, int base) const {
    return base != root && stops(base) ? over(g.nodes[base], family::map) : space_of(base);
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
};

}  // namespace fuse::planning

// SPDX-License-Identifier: Apache-2.0
// Is a graph one that tracing may make? What every pass relies on, in one place. Tests ask; programs of users are not
// made to wait for it.
#pragma once
#include <fuse/graph/graph.hpp>

namespace fuse::verification {

enum class graph_fault : std::uint8_t {
  none,
  operation,  // a node without an operation, or with one that has no definition for its operands' compute type
  arity,      // an operand too few or too many
  order,      // an operand that is not an earlier node
  rank,       // a rank that the operation does not give
  dims,       // an axis length that is not in the table, or that the operation does not give
  dtype,      // a dtype that the operation does not take or give
  attribute,  // an axis, argument, length or view that does not exist
  duplicate,  // two equal nodes
  lengths,    // an entry of the table of lengths that refers to a later one, or to itself
  argument,   // an argument whose node is another
  output,     // an output that is no node
};
struct graph_finding {
  graph_fault fault = graph_fault::none;
  int at = -1;  // the node; of lengths, arguments and outputs: which
  constexpr explicit operator bool() const { return fault != graph_fault::none; }
  constexpr bool operator==(const graph_finding&) const = default;
};

template <class Graph>
struct graph_verifier {
  const Graph& g;

  constexpr bool is_dim(int d) const { return d >= 0 && d < g.dim_count; }
  constexpr bool same_lengths(const node& a, const node& b) const { return a.rank == b.rank && g.same_shape(a, b); }
  constexpr const node& operand(const node& n, int k) const { return g.nodes[n.in[k]]; }

  // ---- the table of lengths ----
  constexpr bool good_dim(int i) const {
    const dim& d = g.dims[i];
    if (d.kind == dim::argument)
      if (d.value < 0 || d.value >= g.argument_count || d.a < 0 || d.a >= g.arguments[d.value].rank) return false;
    if (d.kind > dim::argument && (d.a < 0 || d.a >= i || d.b < 0 || d.b >= i)) return false;
    int steps = 0;  // to the entry that stands for this one
    for (int at = i; g.dims[at].same >= 0; at = g.dims[at].same)
      if (!is_dim(g.dims[at].same) || ++steps > g.dim_count) return false;
    return true;
  }

  // ---- nodes ----
  constexpr bool defined_on(const op_info& op, dtype d) const {
    switch (compute_of(d)) {
      case compute::i32:
        return op.host.i32 != nullptr;
      case compute::i64:
        return op.host.i64 != nullptr;
      case compute::f32:
        return op.host.f32 != nullptr;
      default:
        return op.host.f64 != nullptr;
    }
  }
  /// One dtype, or floating ones that compute in one type: intermediates of compositions are not rounded.
  constexpr bool alike(dtype a, dtype b) const {
    return a == b || (is_floating(a) && is_floating(b) && compute_of(a) == compute_of(b));
  }
  constexpr graph_fault pointwise(const node& n) const {
    const int first = n.op->first_is_condition ? 1 : 0;
    if (first == 1 && operand(n, 0).type != dtype::boolean) return graph_fault::dtype;
    const dtype in = operand(n, first).type;
    for (int k = 0; k < n.op->arity; ++k) {
      const node& x = operand(n, k);
      if (x.rank > 0 && !same_lengths(x, n)) return x.rank != n.rank ? graph_fault::rank : graph_fault::dims;
      if (k < first) continue;
      if (!alike(x.type, in)) return graph_fault::dtype;
    }
    if (!defined_on(*n.op, in)) return graph_fault::operation;
    if (n.op->result == result_rule::boolean) return n.type == dtype::boolean ? graph_fault::none : graph_fault::dtype;
    if (n.op->result == result_rule::floating && !is_floating(n.type)) return graph_fault::dtype;
    return alike(n.type, in) ? graph_fault::none : graph_fault::dtype;
  }
  constexpr graph_fault reduction(const node& n) const {
    const node& x = operand(n, 0);
    if (n.rank != x.rank || n.rank == 0) return graph_fault::rank;
    for (int i = 0; i + 1 < n.rank; ++i)
      if (!g.same_dim(n.dims[i], x.dims[i])) return graph_fault::dims;
    if (g.length(n.dims[n.rank - 1]) != 1) return graph_fault::dims;
    if (!alike(n.type, x.type)) return graph_fault::dtype;
    return defined_on(*n.op, n.type) ? graph_fault::none : graph_fault::operation;
  }
  constexpr graph_fault view(const node& n) const {
    const node& x = operand(n, 0);
    if (n.type != x.type) return graph_fault::dtype;
    if (n.kind() == op_kind::reshape) return graph_fault::none;
    if (n.attribute < 0 || n.attribute >= g.map_count) return graph_fault::attribute;
    const index_map& m = g.maps[n.attribute];
    if (m.rank != x.rank) return graph_fault::rank;
    for (int i = 0; i < m.rank; ++i) {
      const axis_map& a = m.axis[i];
      if (a.offset_dim >= g.dim_count || a.count < 0) return graph_fault::attribute;
      if (a.count > 0 && (a.first < 0 || a.first + a.count > n.rank)) return graph_fault::attribute;
      if (a.count == 0 && (a.first != -1 || a.scale != 1)) return graph_fault::attribute;  // equal maps compare equal
    }
    return graph_fault::none;
  }
  constexpr graph_fault concatenation(const node& n) const {
    if (n.attribute < 0 || n.attribute >= n.rank) return graph_fault::attribute;
    for (int k = 0; k < 2; ++k) {
      const node& x = operand(n, k);
      if (x.type != n.type) return graph_fault::dtype;
      if (x.rank != n.rank) return graph_fault::rank;
      for (int i = 0; i < n.rank; ++i)
        if (i != n.attribute && !g.same_dim(x.dims[i], n.dims[i])) return graph_fault::dims;
    }
    return graph_fault::none;
  }
  constexpr graph_fault gather(const node& n) const {
    const node &table = operand(n, 0), &rows = operand(n, 1);
    if (rows.type != dtype::i64 || n.type != table.type) return graph_fault::dtype;
    if (table.rank < 1 || n.rank != table.rank - 1 + rows.rank) return graph_fault::rank;
    for (int i = 0; i < n.rank; ++i)
      if (!g.same_dim(n.dims[i], i < rows.rank ? rows.dims[i] : table.dims[i - rows.rank + 1]))
        return graph_fault::dims;
    return graph_fault::none;
  }
  constexpr graph_fault scatter(const node& n) const {
    const node &target = operand(n, 0), &places = operand(n, 1), &values = operand(n, 2);
    if (n.attribute < 0 || n.attribute >= n.rank) return graph_fault::attribute;
    if (places.type != dtype::i64 || target.type != n.type || values.type != n.type) return graph_fault::dtype;
    if (places.rank != 1 || target.rank != n.rank || values.rank != n.rank) return graph_fault::rank;
    if (!same_lengths(target, n) || !g.same_dim(places.dims[0], values.dims[n.attribute])) return graph_fault::dims;
    return graph_fault::none;
  }
  constexpr graph_fault product(const node& n) const {
    const node &x = operand(n, 0), &y = operand(n, 1);
    const int r = n.rank;
    if (!alike(x.type, n.type) || !alike(y.type, n.type)) return graph_fault::dtype;
    if (r < 2 || x.rank != r || y.rank != r) return graph_fault::rank;
    for (int i = 0; i < r - 2; ++i)
      if (!g.same_dim(x.dims[i], n.dims[i]) || !g.same_dim(y.dims[i], n.dims[i])) return graph_fault::dims;
    const bool inner = g.same_dim(x.dims[r - 1], y.dims[r - 2]),
               outer = g.same_dim(x.dims[r - 2], n.dims[r - 2]) && g.same_dim(y.dims[r - 1], n.dims[r - 1]);
    return inner && outer ? graph_fault::none : graph_fault::dims;
  }
  constexpr graph_fault source(const node& n, int at) const {
    switch (n.kind()) {
      case op_kind::argument:
        if (n.attribute < 0 || n.attribute >= g.argument_count || g.arguments[n.attribute].node != at)
          return graph_fault::attribute;
        if (g.arguments[n.attribute].type != n.type) return graph_fault::dtype;
        return g.arguments[n.attribute].rank == n.rank ? graph_fault::none : graph_fault::rank;
      case op_kind::constant:
        return n.rank == 0 ? graph_fault::none : graph_fault::rank;
      case op_kind::extent:
        if (n.type != dtype::i64) return graph_fault::dtype;
        if (!is_dim(int(n.attribute))) return graph_fault::attribute;
        return n.rank == 0 ? graph_fault::none : graph_fault::rank;
      default:  // iota
        if (n.type != dtype::i64) return graph_fault::dtype;
        return n.attribute >= 0 && n.attribute < n.rank ? graph_fault::none : graph_fault::attribute;
    }
  }
  constexpr graph_fault fault_of(int i) const {
    const node& n = g.nodes[i];
    if (n.op == nullptr) return graph_fault::operation;
    if (n.op->arity < 0 || n.op->arity > 3) return graph_fault::arity;
    for (int k = 0; k < 3; ++k) {
      if ((n.in[k] >= 0) != (k < n.op->arity)) return graph_fault::arity;
      if (n.in[k] >= i) return graph_fault::order;
    }
    if (n.rank < 0 || n.rank > max_rank) return graph_fault::rank;
    for (int k = 0; k < n.rank; ++k)
      if (!is_dim(n.dims[k])) return graph_fault::dims;
    for (int j = 0; j < i; ++j)
      if (g.nodes[j] == n) return graph_fault::duplicate;
    switch (n.kind()) {
      case op_kind::pointwise:
        return pointwise(n);
      case op_kind::cast:
        if (!same_lengths(operand(n, 0), n)) return graph_fault::dims;
        return operand(n, 0).type != n.type ? graph_fault::none : graph_fault::dtype;
      case op_kind::reduce:
        return reduction(n);
      case op_kind::reindex:
      case op_kind::reshape:
        return view(n);
      case op_kind::concat:
        return concatenation(n);
      case op_kind::gather:
        return gather(n);
      case op_kind::scatter:
        return scatter(n);
      case op_kind::matmul:
        return product(n);
      default:
        return source(n, i);
    }
  }

  constexpr graph_finding run() const {
    for (int i = 0; i < g.dim_count; ++i)
      if (!good_dim(i)) return {graph_fault::lengths, i};
    for (int i = 0; i < g.check_count; ++i)
      if (!is_dim(g.checks[i].a) || g.checks[i].b < -1 || g.checks[i].b >= g.dim_count)
        return {graph_fault::lengths, g.checks[i].a};
    for (int i = 0; i < g.node_count; ++i)
      if (const graph_fault f = fault_of(i); f != graph_fault::none) return {f, i};
    for (int i = 0; i < g.argument_count; ++i) {
      const int at = g.arguments[i].node;
      if (at < 0 || at >= g.node_count || g.nodes[at].kind() != op_kind::argument || g.nodes[at].attribute != i)
        return {graph_fault::argument, i};
    }
    for (int i = 0; i < g.output_count; ++i)
      if (g.outputs[i].node < 0 || g.outputs[i].node >= g.node_count) return {graph_fault::output, i};
    return {};
  }
};

/// The first thing wrong with a graph, if anything is.
template <class Graph>
constexpr graph_finding verify_graph(const Graph& g) {
  return graph_verifier<Graph>{g}.run();
}

}  // namespace fuse::verification

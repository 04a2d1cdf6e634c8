// SPDX-License-Identifier: Apache-2.0
// The op graph of a traced function: a value that constant expressions build, rewrite and read.
//
// Nodes are hash-consed: equal operations on equal operands are one node. Axis lengths are entries of a table, so that
// the passes can tell which axes are equal although their length is known only at run time.
#pragma once
#include <fuse/op/op_info.hpp>
#include <fuse/tensor/extents.hpp>

namespace fuse {

/// An axis length: a constant, an axis of an argument, or arithmetic on those.
struct dim {
  enum kind_t : std::uint8_t { constant, argument, sum, difference, product, quotient } kind = constant;
  index value = 0;       // constant: the length; argument: which argument
  short a = -1, b = -1;  // argument: a is the axis; arithmetic: operands
  short same = -1;       // a dim known to be equal (checked at run time), or -1
  constexpr bool equal(const dim& o) const { return kind == o.kind && value == o.value && a == o.a && b == o.b; }
};

/// coordinate = offset + dim_scale * dim + scale * (row-major linear coordinate of source axes first .. first+count).
struct axis_map {
  signed char first = -1, count = 0;  // count 0: the coordinate does not depend on any source axis
  bool whole = false;                 // of a frame: the source axes run over the axis exactly once, in order
  short offset_dim = -1;
  index dim_scale = 0, scale = 1, offset = 0;
  constexpr bool operator==(const axis_map&) const = default;
  constexpr bool plain() const { return count == 1 && scale == 1 && offset == 0 && offset_dim < 0; }
};
constexpr axis_map axis_from(int source) {
  axis_map m;
  m.first = static_cast<signed char>(source);
  m.count = 1;
  m.whole = true;
  return m;
}

/// One map for each axis of a tensor.
struct index_map {
  int rank = 0;
  axis_map axis[max_rank]{};
  constexpr bool operator==(const index_map&) const = default;
};

struct node {
  const op_info* op = nullptr;
  dtype type = dtype::f32;
  bool weak = false;  // a literal or run-time scalar: promotes a tensor only across categories
  short in[3] = {-1, -1, -1};
  short rank = 0;
  short dims[max_rank]{};
  index attribute = 0;  // argument: its number; constant: integer, or bits of a double; extent: a dim; iota, concat,
                        // gather, scatter: the axis; reindex: an index_map
  constexpr bool operator==(const node& n) const {
    for (int i = 0; i < 3; ++i)
      if (in[i] != n.in[i]) return false;
    for (int i = 0; i < max_rank; ++i)
      if (dims[i] != n.dims[i]) return false;
    return is_same(*op, *n.op) && type == n.type && weak == n.weak && rank == n.rank && attribute == n.attribute;
  }
  constexpr op_kind kind() const { return op->kind; }
};

inline constexpr op_info argument_op{.name = "argument", .kind = op_kind::argument, .arity = 0, .flops = 0};
inline constexpr op_info constant_op{.name = "constant", .kind = op_kind::constant, .arity = 0, .flops = 0};
inline constexpr op_info extent_op{.name = "extent", .kind = op_kind::extent, .arity = 0, .flops = 0};
inline constexpr op_info iota_op{.name = "iota", .kind = op_kind::iota, .arity = 0, .flops = 0};
inline constexpr op_info cast_op{.name = "cast", .kind = op_kind::cast, .flops = 0};
inline constexpr op_info reindex_op{.name = "reindex", .kind = op_kind::reindex, .flops = 0};
inline constexpr op_info reshape_op{.name = "reshape", .kind = op_kind::reshape, .flops = 0};
inline constexpr op_info concat_op{.name = "concat", .kind = op_kind::concat, .arity = 2, .flops = 0};
inline constexpr op_info gather_op{.name = "gather", .kind = op_kind::gather, .arity = 2, .flops = 0};
inline constexpr op_info scatter_op{.name = "scatter", .kind = op_kind::scatter, .arity = 3, .flops = 0};
inline constexpr op_info matmul_op{.name = "matmul", .kind = op_kind::matmul, .arity = 2, .flops = 2};

/// What the traced function needs of two lengths, to be checked at run time: a == b, or a >= 0 where b is -1.
struct dim_check {
  short a = -1, b = -1;
  const char* where = "";
};

struct argument_info {
  dtype type = dtype::f32;
  short rank = 0;
  bool scalar = false;     // passed by value
  bool contiguous = true;  // row-major without gaps, by its type
  short node = -1;
};

struct output_info {
  short node = -1;
  bool contiguous = true;
};

inline constexpr int max_arguments = 64;  // leaves of all arguments of a function
inline constexpr int max_outputs = 24;

/// What a traced function has more of than a graph holds.
enum class limit : std::uint8_t { none, operations, lengths, views, checks, arguments };

inline constexpr int spare_nodes = max_rank + 1;

template <int Nodes, int Dims, int Maps, int Checks>
struct basic_graph {
  node nodes[Nodes]{};
  dim dims[Dims]{};
  index_map maps[Maps]{};
  dim_check checks[Checks]{};
  argument_info arguments[max_arguments]{};
  output_info outputs[max_outputs]{};
  int node_count = 0, dim_count = 0, map_count = 0, check_count = 0, argument_count = 0, output_count = 0;
  bool refused = false;      // a message has said why: nothing is to be made of this graph
  limit over = limit::none;  // the same, and no message yet: what is entered beyond the limit takes the last place

  /// The next free place, or the last one where none is free.
  constexpr int place(int& count, int most, limit what) {
    if (count == most && over == limit::none) over = what;
    return count == most ? most - 1 : count++;
  }

  // ---- dims ----
  constexpr short canonical(int d) const {
    while (dims[d].same >= 0) d = dims[d].same;
    return static_cast<short>(d);
  }
  constexpr bool same_dim(int a, int b) const { return canonical(a) == canonical(b); }
  constexpr short add(dim d) {
    for (int i = 0; i < dim_count; ++i)
      if (dims[i].equal(d)) return static_cast<short>(i);
    if (dim_count == Dims) d = dim{dim::constant, 1};  // refers to no other: no circle comes about
    const int at = place(dim_count, Dims, limit::lengths);
    dims[at] = d;
    return static_cast<short>(at);
  }
  constexpr short constant_dim(index value) {
    dim d;
    d.value = value;
    return add(d);
  }
  constexpr bool is_constant(int d) const { return dims[canonical(d)].kind == dim::constant; }
  constexpr index constant_of(int d) const { return dims[canonical(d)].value; }
  /// The static length of a dim, or dyn.
  constexpr index length(int d) const { return is_constant(d) ? constant_of(d) : dyn; }
  constexpr short arithmetic(dim::kind_t kind, int x, int y) {
    x = canonical(x), y = canonical(y);
    if (is_constant(x) && is_constant(y)) {
      const index a = constant_of(x), b = constant_of(y);
      return constant_dim(kind == dim::sum          ? a + b
                          : kind == dim::difference ? a - b
                          : kind == dim::product    ? a * b
                                                    : a / b);
    }
    if ((kind == dim::product || kind == dim::quotient) && is_constant(y) && constant_of(y) == 1)
      return static_cast<short>(x);
    if (kind == dim::product && is_constant(x) && constant_of(x) == 1) return static_cast<short>(y);
    if (kind == dim::quotient && dims[x].kind == dim::product) {  // (a * b) / b
      if (same_dim(dims[x].b, y)) return canonical(dims[x].a);
      if (same_dim(dims[x].a, y)) return canonical(dims[x].b);
    }
    if (kind == dim::product && y < x) {
      const int t = x;
      x = y, y = t;
    }
    dim d;
    d.kind = kind;
    d.a = static_cast<short>(x);
    d.b = static_cast<short>(y);
    return add(d);
  }
  /// Records that two lengths are equal; the constant one, if any, stands for both from now on.
  constexpr short unify(int a, int b, const char* where) {
    a = canonical(a), b = canonical(b);
    if (a == b) return static_cast<short>(a);
    require(a, b, where);
    if (is_constant(a) && is_constant(b)) return static_cast<short>(a);  // refused at run time, if not before
    const bool keep_b = is_constant(b) || (!is_constant(a) && b < a);
    if (keep_b)
      dims[a].same = static_cast<short>(b);
    else
      dims[b].same = static_cast<short>(a);
    return static_cast<short>(keep_b ? b : a);
  }

  constexpr void require_equal(int a, int b, const char* where) {
    if (!same_dim(a, b)) require(a, b, where);
  }
  constexpr void require_not_negative(int a, const char* where) {
    if (length(a) < 0) require(a, -1, where);
  }
  /// Records a check, once.
  constexpr void require(int a, int b, const char* where) {
    for (int i = 0; i < check_count; ++i)
      if (checks[i].a == a && checks[i].b == b) return;
    checks[place(check_count, Checks, limit::checks)] = {static_cast<short>(a), static_cast<short>(b), where};
  }

  // ---- nodes ----
  constexpr int new_argument() { return place(argument_count, max_arguments, limit::arguments); }
  constexpr short push(const node& n) {
    for (int i = 0; i < node_count && over == limit::none; ++i)  // beyond it compilers are spared the search
      if (nodes[i] == n) return static_cast<short>(i);
    // Beyond the limit each rank has a place of its own: a symbol's node keeps the symbol's rank.
    if (node_count == Nodes - spare_nodes && over == limit::none) over = limit::operations;
    const int at = node_count == Nodes - spare_nodes ? node_count + n.rank : node_count++;
    nodes[at] = n;
    return static_cast<short>(at);
  }
  constexpr index add(const index_map& m) {
    for (int i = 0; i < map_count; ++i)
      if (maps[i] == m) return i;
    const int at = place(map_count, Maps, limit::views);
    maps[at] = m;
    return at;
  }
  constexpr bool same_shape(const node& a, const node& b) const {
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; ++i)
      if (!same_dim(a.dims[i], b.dims[i])) return false;
    return true;
  }
};

/// What a function is traced into, before it is cut to size.
using graph_builder = basic_graph<512 + spare_nodes, 192, 256, 256>;

template <int Nodes, int Dims, int Maps, int Checks>
constexpr auto cut_to_size(const graph_builder& g) {
  basic_graph<(Nodes > 0 ? Nodes : 1), (Dims > 0 ? Dims : 1), (Maps > 0 ? Maps : 1), (Checks > 0 ? Checks : 1)> r;
  for (int i = 0; i < g.node_count; ++i) r.nodes[i] = g.nodes[i];
  for (int i = 0; i < g.dim_count; ++i) r.dims[i] = g.dims[i];
  for (int i = 0; i < g.map_count; ++i) r.maps[i] = g.maps[i];
  for (int i = 0; i < g.check_count; ++i) r.checks[i] = g.checks[i];
  for (int i = 0; i < g.argument_count; ++i) r.arguments[i] = g.arguments[i];
  for (int i = 0; i < g.output_count; ++i) r.outputs[i] = g.outputs[i];
  r.node_count = g.node_count, r.dim_count = g.dim_count, r.map_count = g.map_count;
  r.check_count = g.check_count, r.argument_count = g.argument_count, r.output_count = g.output_count;
  return r;
}

}  // namespace fuse

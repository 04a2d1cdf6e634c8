// SPDX-License-Identifier: Apache-2.0
// expr<dtype, extents>: what user code computes with while it is traced. Its type says what the value is, so that a
// static mistake is found where it is made; which value it is, is the index of its node in the graph being built.
#pragma once
#include <fuse/expr/refuse.hpp>
#include <fuse/expr/scalar.hpp>

namespace fuse {

template <dtype D, class E>
struct expr {
  static constexpr dtype type = D;
  using extents_type = E;
  static constexpr int rank = E::rank;
  graph_builder* graph = nullptr;
  short id = -1;

  // What plain numbers and arrays do, and expressions cannot: each says so once, and the trace goes on.
  /// For if, ?:, while, std::exp(x), float(x). One conversion, so that overloads for numbers are not ambiguous.
  constexpr operator float() const {
    refuse::value<expr>();
    return refuse_graph(), 0;
  }
  template <class T>
  constexpr expr& operator=(const T&) {
    refuse::assignment<expr, T>();
    return refuse_graph(), *this;
  }
  template <class T>
  constexpr expr operator[](const T&) const {
    refuse::element<expr>();
    return refuse_graph(), *this;
  }
  constexpr void refuse_graph() const { graph->refused = true; }
};

template <class T>
inline constexpr bool is_expression = false;
template <dtype D, class E>
inline constexpr bool is_expression<expr<D, E>> = true;

template <class T>
concept expression = is_expression<T>;

template <class T>
concept operand = expression<T> || literal<T>;

/// Operands of which at least one is an expression: what the operators of the library accept.
template <class... T>
concept expressions = (operand<T> && ...) && (expression<T> || ...);

/// What the operators of the library are found for: an expression and anything else, which is refused in words if it is
/// no operand.
template <class... T>
concept with_expression = (expression<T> || ...);

namespace tracing {

/// What takes the place of a result that a static assertion has refused: no second message follows from the first.
template <expression A>
constexpr A refused(A x) {
  x.refuse_graph();
  return x;
}

template <class T>
consteval dtype dtype_of_operand() {
  if constexpr (expression<T>)
    return T::type;
  else
    return scalars::type_of_literal<T>;
}
template <class T>
consteval shape shape_of_operand() {
  if constexpr (expression<T>)
    return shape_of<typename T::extents_type>;
  else
    return shape{};
}

/// PyTorch's rule (torch.result_type): tensors promote together, so do zero-rank tensors and run-time scalars, and so
/// do literals, which count as the default type of their category (i64, f32). A weaker kind takes part only with a
/// higher category: tensors before scalars before literals.
template <class... T>
consteval dtype promote_operands() {
  bool any[3]{};
  dtype of[3]{};
  auto visit = [&](dtype d, int kind) {
    if (kind == 2 && d == dtype::f64) d = dtype::f32;
    of[kind] = any[kind] ? promote(of[kind], d) : d;
    any[kind] = true;
  };
  (visit(dtype_of_operand<T>(), literal<T> ? 2 : shape_of_operand<T>().rank > 0 ? 0 : 1), ...);
  dtype result = of[2];
  bool found = any[2];
  for (int kind = 1; kind >= 0; --kind) {
    if (any[kind] && (!found || category_of(result) <= category_of(of[kind]))) result = of[kind];
    found = found || any[kind];
  }
  return result;
}

template <class... T>
consteval shape broadcast_operands() {
  shape r;
  ((r = broadcast(r, shape_of_operand<T>())), ...);
  return r;
}

/// The first two lengths that do not broadcast.
template <class... T>
consteval conflict conflict_of_operands() {
  shape r;
  conflict c;
  auto visit = [&](const shape& s) {
    if (!c) c = conflict_of(r, s);
    r = broadcast(r, s);
  };
  (visit(shape_of_operand<T>()), ...);
  return c;
}

template <class... T>
constexpr graph_builder* graph_of(const T&... x) {
  graph_builder* g = nullptr;
  auto visit = [&](const auto& e) {
    if constexpr (expression<std::remove_cvref_t<decltype(e)>>) g = e.graph;
  };
  (visit(x), ...);
  return g;
}

constexpr short constant(graph_builder& g, dtype type, double value) {
  node n;
  n.op = &constant_op;
  n.type = type;
  n.weak = true;
  n.attribute = is_floating(type) ? __builtin_bit_cast(index, value) : index(value);
  return g.push(n);
}

/// Exact where a double would not be.
constexpr short integer_constant(graph_builder& g, dtype type, index value) {
  node n;
  n.op = &constant_op;
  n.type = type;
  n.weak = true;
  n.attribute = value;
  return g.push(n);
}

/// The value of a constant node as a double.
constexpr double constant_value(const node& n) {
  return is_floating(n.type) ? __builtin_bit_cast(double, n.attribute) : double(n.attribute);
}

constexpr short cast_to(graph_builder& g, short id, dtype type) {
  const node x = g.nodes[id];
  if (x.type == type) return id;
  if (x.kind() == op_kind::constant) {
    const double value = constant_value(x);
    if (type == dtype::boolean) return integer_constant(g, type, value != 0);
    if (!is_floating(type))
      return integer_constant(
          g, type, is_floating(x.type) ? scalars::truncated(type, value) : scalars::wrapped(type, x.attribute));
    const bool exact = is_floating(x.type) || (x.attribute <= index(1) << 53 && x.attribute >= -(index(1) << 53));
    if (exact) return constant(g, type, scalars::rounded(type, value));
    if (type >= dtype::f32) return constant(g, type, type == dtype::f32 ? float(x.attribute) : value);
  }
  node n;
  n.op = &cast_op;
  n.type = type;
  n.in[0] = id;
  n.rank = x.rank;
  for (int i = 0; i < x.rank; ++i) n.dims[i] = x.dims[i];
  return g.push(n);
}

/// The node of an operand; a literal becomes a constant of the given type.
template <scalar_use Use = scalar_use::computed, class T>
constexpr short lift(graph_builder& g, const T& x, dtype type) {
  constexpr bool kept = Use == scalar_use::computed;
  if constexpr (expression<T>) {
    if constexpr (T::type == dtype::f32)  // what `unrounded` shows
      if (type == T::type) return x.id;
    const node& n = g.nodes[x.id];
    const bool computes_alike = is_floating(n.type) && is_floating(type) && compute_of(n.type) == compute_of(type);
    if (kept && n.rank == 0 && computes_alike) return x.id;
    return cast_to(g, x.id, type);
  } else {
    constexpr dtype own = scalars::type_of_literal<T>;
    if (is_floating(type)) {
      const double value = scalars::as_double(x);
      return constant(g, type, kept ? value : scalars::rounded(type, value));
    }
    if constexpr (own != dtype::i64) {  // a floating one has a floating type
      return integer_constant(g, type, scalars::as_double(x) != 0);
    } else {
      const int side = scalars::side_of(type, x);
      if (type == dtype::boolean) return integer_constant(g, type, x != 0);
      if (Use != scalar_use::chosen || side == 0) return integer_constant(g, type, static_cast<index>(x));
      return integer_constant(g, type, side < 0 ? lowest_of(type) : highest_of(type));
    }
  }
}

/// Repeats axes of length 1, and adds leading axes, until x has the given dims.
constexpr short expand_to(graph_builder& g, short id, int rank, const short* dims) {
  const node x = g.nodes[id];
  if (x.rank == 0) return id;  // scalars fit everywhere
  bool same = x.rank == rank;
  index_map m;
  m.rank = x.rank;
  for (int i = 0; i < x.rank; ++i) {
    const int out = rank - x.rank + i;
    if (g.same_dim(x.dims[i], dims[out])) {
      m.axis[i] = axis_from(out);
    } else {
      same = false;  // length 1: always coordinate 0
    }
  }
  if (same) return id;
  node n;
  n.op = &reindex_op;
  n.type = x.type;
  n.in[0] = id;
  n.rank = static_cast<short>(rank);
  for (int i = 0; i < rank; ++i) n.dims[i] = dims[i];
  n.attribute = g.add(m);
  return g.push(n);
}

/// The dims of the broadcast of several nodes; dynamic lengths that meet are recorded as equal.
struct dims_list {
  int rank = 0;
  short dims[max_rank]{};
};
constexpr void broadcast_dims(graph_builder& g, dims_list& r, const node& x, const char* where) {
  if (x.rank > r.rank) {  // make room for more leading axes
    const int more = x.rank - r.rank;
    for (int i = r.rank - 1; i >= 0; --i) r.dims[i + more] = r.dims[i];
    for (int i = 0; i < more; ++i) r.dims[i] = g.constant_dim(1);
    r.rank = x.rank;
  }
  for (int i = 1; i <= x.rank; ++i) {
    short& d = r.dims[r.rank - i];
    const short e = x.dims[x.rank - i];
    if (g.length(d) == 1)
      d = e;
    else if (g.length(e) != 1)
      d = g.unify(d, e, where);
  }
}

}  // namespace tracing
}  // namespace fuse

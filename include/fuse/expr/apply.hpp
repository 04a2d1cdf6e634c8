// SPDX-License-Identifier: Apache-2.0
// op<F>: a pointwise operation as users call it on expressions. F is its numerical definition (see op/op_info.hpp).
#pragma once
#include <fuse/expr/expr.hpp>
#include <fuse/expr/refuse.hpp>

namespace fuse {

namespace tracing {

template <class F>
consteval bool first_is_condition() {
  return requires { F::first_is_condition; };
}
template <class F>
consteval result_rule rule_of() {
  if constexpr (requires { F::result; })
    return F::result;
  else
    return result_rule::same;
}

template <class F, class First, class... Rest>
consteval dtype operand_dtype() {
  dtype d = dtype::f32;
  if constexpr (first_is_condition<F>())
    d = promote_operands<Rest...>();
  else
    d = promote_operands<First, Rest...>();
  if (rule_of<F>() == result_rule::floating || !ops::on_integers<F>) d = to_floating(d);
  return d;
}
template <class F>
consteval scalar_use use_of() {
  if constexpr (requires { F::use_of_scalars; })
    return F::use_of_scalars;
  else
    return scalar_use::computed;
}

/// The dtype in which F compares integers: one that holds the tensor's and the run-time scalar's.
template <class F, class... A>
consteval dtype wide_enough(dtype d) {
  if (use_of<F>() != scalar_use::compared || is_floating(d)) return d;
  ((d = literal<A> ? d : promote(d, dtype_of_operand<A>())), ...);
  return d;
}

template <class F>
consteval dtype result_dtype(dtype operands) {
  return rule_of<F>() == result_rule::boolean ? dtype::boolean : operands;
}

constexpr short apply_op(graph_builder& g, const op_info& op, dtype result, const short* in, int count) {
  // Literals fold while compiling, in f64. Not where an f32 would be infinite or NaN: constant expressions have
  // neither.
  if (op.folds) {
    double value[3]{};
    auto finite = [](double x) { return x >= -__FLT_MAX__ && x <= __FLT_MAX__; };
    bool literals = is_floating(result) && result != dtype::f64;
    for (int i = 0; i < count; ++i) {
      literals = literals && g.nodes[in[i]].kind() == op_kind::constant;
      if (literals) value[i] = constant_value(g.nodes[in[i]]);
      literals = literals && finite(value[i]);
    }
    if (literals) {
      const double folded = op.fold(value);
      if (finite(folded)) return constant(g, result, folded);
    }
  }
  dims_list shape;
  for (int i = 0; i < count; ++i) broadcast_dims(g, shape, g.nodes[in[i]], op.name);
  node n;
  n.op = &op;
  n.type = result;
  n.rank = static_cast<short>(shape.rank);
  for (int i = 0; i < shape.rank; ++i) n.dims[i] = shape.dims[i];
  for (int i = 0; i < count; ++i) n.in[i] = expand_to(g, in[i], shape.rank, shape.dims);
  return g.push(n);
}

/// Operand `in[at]` has the integer dtype `type`, and the literal that it is compared with lies beyond it, on that
/// side: then both become what compares alike, a bool and a number beyond it.
constexpr void compare_beyond(graph_builder& g, short (&in)[3], int at, int side) {
  in[at] = cast_to(g, cast_to(g, in[at], dtype::boolean), dtype::i32);
  in[1 - at] = integer_constant(g, dtype::i32, side < 0 ? -1 : 2);
}

/// A run-time scalar as the nearest number that an integer dtype holds.
template <dtype D>
struct nearest_t {
  static constexpr const char* name = "clamp";
  static constexpr int arity = 1;
  template <class V>
  FUSE_HD V operator()(V x) const {
    using T = scalar_of<V>;
    constexpr T low = T(dtypes::lowest<D>), high = T(dtypes::highest<D>);
    return select(x < low, V(low), select(x > high, V(high), x));
  }
};
template <dtype D, class T>
constexpr short choose(graph_builder& g, const T& x) {
  if constexpr (expression<T>) {
    if constexpr (T::rank == 0 && is_integer(D) && is_integer(T::type) && !scalars::holds(D, T::type)) {
      const short id = x.id;
      return cast_to(g, apply_op(g, op_of<nearest_t<D>>, T::type, &id, 1), D);
    }
  }
  return lift<scalar_use::chosen>(g, x, D);
}

/// The operation, rounded to `type` where it is stored.
template <class F, dtype type, class... A>
constexpr auto apply_as(const A&... x) {
  constexpr bool all_operands = sizeof...(A) == F::arity;
  if constexpr (!all_operands) refuse::operands<F, int(sizeof...(A)), F::arity>();
  constexpr shape extents_of_result = broadcast_operands<A...>();
  constexpr conflict met = conflict_of_operands<A...>();
  if constexpr (met.left != met.right) refuse::extents<F, met.left, met.right>();
  constexpr dtype in_type = wide_enough<F, A...>(operand_dtype<F, A...>());
  constexpr bool takes_type = ops::on_floats<F> || !is_floating(in_type);
  if constexpr (!takes_type) refuse::floating<F, in_type>();
  if constexpr (all_operands && takes_type && is_valid(extents_of_result)) {
    graph_builder& g = *graph_of(x...);
    short in[3] = {-1, -1, -1};
    int i = 0, beyond = 0, other = 0;
    auto visit = [&]<class T>(const T& operand) {
      if constexpr (use_of<F>() == scalar_use::chosen)
        in[i] = choose<in_type>(g, operand);
      else
        in[i] = lift<use_of<F>()>(g, operand, i == 0 && first_is_condition<F>() ? dtype::boolean : in_type);
      if constexpr (use_of<F>() == scalar_use::compared && is_integer(in_type) && std::is_integral_v<T>)
        beyond = scalars::side_of(in_type, operand), other = 1 - i;
      ++i;
    };
    (visit(x), ...);
    if (beyond != 0) compare_beyond(g, in, other, beyond);
    return expr<type, extents_from<extents_of_result>>{&g, apply_op(g, op_of<F>, type, in, F::arity)};
  } else {
    graph_of(x...)->refused = true;
    return expr<type, extents<>>{graph_of(x...), 0};
  }
}

/// x as an operand whose result keeps the compute type where x is f16 or bf16, so that an intermediate of a composition
/// has the range and the precision of a fused one wherever it is stored. No operation of its own.
template <expression A>
constexpr auto unrounded(A x) {
  return expr < A::type == dtype::f16 || A::type == dtype::bf16 ? dtype::f32 : A::type,
         typename A::extents_type > {x.graph, x.id};
}

/// The first expression among operands of which one cannot be taken.
template <class First, class... Rest>
constexpr auto refused_operands(const First& x, const Rest&... rest) {
  if constexpr (expression<First>)
    return refused(x);
  else
    return refused_operands(rest...);
}

template <class F, class... A>
constexpr auto apply(const A&... x) {
  if constexpr (expressions<A...>) {
    return apply_as<F, result_dtype<F>(wide_enough<F, A...>(operand_dtype<F, A...>()))>(x...);
  } else if constexpr (with_expression<A...>) {
    if constexpr (!(std::is_same_v<A, refuse::nothing> || ...)) refuse::operand<F, A...>();
    return refused_operands(x...);
  } else {
    refuse::no_expression<F, A...>();
    return refuse::nothing{};
  }
}

}  // namespace tracing

template <class F>
struct op {
  template <class... A>
  constexpr auto operator()(const A&... x) const {
    return tracing::apply<F>(x...);
  }
};

/// cast<dtype::bf16>(x): x in another dtype, by rules that hold for every value on every executor. To a floating dtype:
/// the nearest value, ties to even, infinite beyond the largest. A float to an integer: truncated towards zero; the
/// nearest integer the dtype has where that is out of range; 0 for NaN. An integer to a narrower one: modulo 2^bits. To
/// bool: not zero (NaN is true).
template <dtype D, expression A>
constexpr auto cast(A x) {
  if constexpr (A::type == D)
    return x;
  else
    return expr<D, typename A::extents_type>{x.graph, tracing::cast_to(*x.graph, x.id, D)};
}
template <class T, expression A>
constexpr auto cast(A x) {
  if constexpr (element<T>) {
    return cast<dtype_of<T>>(x);
  } else {
    refuse::dtype_of_type<T>();
    return tracing::refused(x);
  }
}

}  // namespace fuse

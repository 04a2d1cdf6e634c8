// SPDX-License-Identifier: Apache-2.0
// Reductions along the last axis: sum, mean, prod, max, min, any, all, and what is written with them: argmax, argmin,
// var, std, norm, logsumexp.
//
//   sum(x, row)              the last axis is kept with length 1, so that the result broadcasts back: (..., n) -> (...,
//   1) sum(x, axis<-1>)         the last axis is dropped: (..., n) -> (...)
//
// The order of a reduction is fixed: same input, same bits. f16 and bf16 accumulate in f32, and sums of long rows are
// of blocks (kernel/accumulator.hpp).
#pragma once
#include <fuse/op/arithmetic.hpp>
#include <fuse/op/classify.hpp>
#include <fuse/op/compare.hpp>
#include <fuse/op/exponential.hpp>
#include <fuse/op/logical.hpp>
#include <fuse/op/minmax.hpp>
#include <fuse/op/power.hpp>
#include <fuse/op/root.hpp>
#include <fuse/op/select.hpp>
#include <fuse/op/views.hpp>

namespace fuse {

struct row_t {};
/// The last axis, kept with length 1.
inline constexpr row_t row{};

template <int K>
struct axis_t {
  static constexpr int value = K;
};
/// What a call gives that names no axis, and is refused.
struct no_axis_t {};
/// An axis to be dropped by a reduction; negative counts from the end.
template <int K>
inline constexpr axis_t<K> axis{};

namespace ops {

struct sum_t {
  static constexpr const char* name = "sum";
  static constexpr int arity = 1;
  static constexpr double identity = -0.0;  // a row of negative zeros has that sum
  static constexpr bool adds = true;
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return math::rounded_sum(a, b);
  }
};
struct mean_t : sum_t {
  static constexpr const char* name = "mean";
  static constexpr bool integers = false, mean = true;
};
struct prod_t {
  static constexpr const char* name = "prod";
  static constexpr int arity = 1;
  static constexpr double identity = 1;
  template <class V>
  FUSE_HD V operator()(V a, V b) const {
    return math::rounded_product(a, b);
  }
};
/// NaN wins, as in PyTorch. An empty row gives the lowest value (-inf for floats).
struct row_max_t : maximum_t {
  static constexpr const char* name = "max";
  static constexpr int arity = 1;
  static constexpr double identity = -__builtin_inf();
  static constexpr bool chooses = true;
};
struct row_min_t : minimum_t {
  static constexpr const char* name = "min";
  static constexpr int arity = 1;
  static constexpr double identity = __builtin_inf();
  static constexpr bool chooses = true;
};
// Made of others, and named in messages.
struct any_t;
struct all_t;
struct argmax_t;
struct argmin_t;
struct var_t;
struct logsumexp_t;

}  // namespace ops

namespace tracing {

template <class A>
consteval shape kept_shape() {
  shape s = shape_of<typename A::extents_type>;
  s.extent[s.rank - 1] = 1;
  return s;
}

template <class F, dtype type, expression A>
constexpr auto reduce_tensor(A x) {
  graph_builder& g = *x.graph;
  constexpr shape kept = kept_shape<A>();
  const short in = A::type == type ? x.id : cast_to(g, x.id, type);
  // A row of one element is its own reduction.
  if constexpr (shape_v<A>.extent[A::rank - 1] == 1) return expr<type, extents_from<kept>>{&g, in};
  node n;
  n.op = &op_of<F>;
  n.type = type;
  n.in[0] = in;
  const node operand = g.nodes[x.id];
  n.rank = operand.rank;
  for (int i = 0; i + 1 < n.rank; ++i) n.dims[i] = operand.dims[i];
  n.dims[n.rank - 1] = g.constant_dim(1);
  return expr<type, extents_from<kept>>{&g, g.push(n)};
}
/// (..., n) -> (..., 1) by the reduction F, in the dtype `type`; messages speak of Name.
template <class F, dtype type, class Name = F, expression A>
constexpr auto reduce_row(A x) {
  if constexpr (A::rank >= 1) {
    return reduce_tensor<F, type>(x);
  } else {
    refuse::scalar_row<Name, A::rank>();
    return expr<type, extents<1>>{refused(x).graph, x.id};
  }
}

/// Drops the last axis of a kept reduction where the caller asked for an axis rather than a row.
template <class Name, class A>
constexpr auto keep_or_drop(A kept, row_t) {
  return kept;
}
template <class Name, class A, int K>
constexpr auto keep_or_drop(A kept, axis_t<K>) {
  if constexpr (K != -1 && K != A::rank - 1) refuse::axis<Name, K, A::rank>();
  return squeeze<-1>(kept);
}
template <class Name, class A, class Given>
constexpr auto keep_or_drop(A kept, Given) {
  refuse::no_axis<Name, Given>();
  return refused(kept);
}

template <dtype D>
inline constexpr dtype sum_dtype = is_floating(D) ? D : dtype::i64;

template <class F>
struct summation {
  template <expression A, class Axis = no_axis_t>
  constexpr auto operator()(A x, Axis along = {}) const {
    return keep_or_drop<F>(reduce_row<F, sum_dtype<A::type>>(x), along);
  }
};
template <class F, class Binary>
struct extremum {
  template <expression A>
  constexpr auto operator()(A x, row_t along) const {
    return keep_or_drop<F>(reduce_row<F, A::type>(x), along);
  }
  template <expression A, int K>
  constexpr auto operator()(A x, axis_t<K> along) const {
    return keep_or_drop<F>(reduce_row<F, A::type>(x), along);
  }
  template <expression A>
  constexpr auto operator()(A x) const {
    return keep_or_drop<F>(x, no_axis_t{});
  }
  /// Element by element, of two operands.
  template <class A, class B>
  requires expressions<A, B>
  constexpr auto operator()(A a, B b) const { return op<Binary>{}(a, b); }
};

}  // namespace tracing

/// Sums and products of integers and bool are i64, as in PyTorch.
inline constexpr tracing::summation<ops::sum_t> sum{};
inline constexpr tracing::summation<ops::prod_t> prod{};
/// max(x, row) and min(x, row) reduce; max(a, b) and min(a, b) are maximum and minimum.
inline constexpr tracing::extremum<ops::row_max_t, ops::maximum_t> max{};
inline constexpr tracing::extremum<ops::row_min_t, ops::minimum_t> min{};

template <expression A, class Axis = no_axis_t>
constexpr auto mean(A x, Axis along = {}) {
  return tracing::keep_or_drop<ops::mean_t>(tracing::reduce_row<ops::mean_t, to_floating(A::type)>(x), along);
}
template <expression A, class Axis = no_axis_t>
constexpr auto any(A x, Axis along = {}) {
  return tracing::keep_or_drop<ops::any_t>(tracing::reduce_row<ops::row_max_t, dtype::boolean, ops::any_t>(x), along);
}
template <expression A, class Axis = no_axis_t>
constexpr auto all(A x, Axis along = {}) {
  return tracing::keep_or_drop<ops::all_t>(tracing::reduce_row<ops::row_min_t, dtype::boolean, ops::all_t>(x), along);
}

namespace tracing {
/// The first coordinate along the row at which x equals its extremum, or is NaN: i64.
template <expression A, expression M>
constexpr auto first_at(A x, M extremum) {
  const auto place = iota_along<A::rank - 1>(x);
  auto at = equal(x, extremum);
  if constexpr (is_floating(A::type)) {
    return min(where(logical_or(at, isnan(x)), place, extent<A::rank - 1>(x).as_value()), row);
  } else {
    return min(where(at, place, extent<A::rank - 1>(x).as_value()), row);
  }
}
}  // namespace tracing

/// The coordinate of the largest element of each row, the first of equals: i64. A row of no elements has no such place:
/// it gives the largest i64.
template <expression A, class Axis = no_axis_t>
constexpr auto argmax(A x, Axis along = {}) {
  return tracing::keep_or_drop<ops::argmax_t>(tracing::first_at(x, max(x, row)), along);
}
template <expression A, class Axis = no_axis_t>
constexpr auto argmin(A x, Axis along = {}) {
  return tracing::keep_or_drop<ops::argmin_t>(tracing::first_at(x, min(x, row)), along);
}

namespace tracing {
/// n - correction as a float, NaN below 0.
template <dtype D, expression A>
constexpr auto degrees_of_freedom(A x, int correction) {
  constexpr index n = A::extents_type::static_extent(A::rank - 1);
  if constexpr (n != dyn) {
    const double left = n < correction ? __builtin_nan("") : double(n - correction);
    return expr<D, extents<>>{x.graph, constant(*x.graph, D, left)};
  } else {
    const auto left = extent<A::rank - 1>(x).as_value() - correction;
    return where(left < 0, __builtin_nanf(""), cast<D>(left));
  }
}
/// The variance, rounded to Stored where it is stored.
template <dtype Stored, expression A>
constexpr auto variance(A x, int correction) {
  auto v = unrounded(cast<to_floating(A::type)>(x));
  auto d = v - mean(v, row);
  return apply_as<ops::divide_t, Stored>(sum(d * d, row), degrees_of_freedom<decltype(v)::type>(x, correction));
}
}  // namespace tracing

/// The variance of each row with divisor n - correction (PyTorch's default is 1), in two passes; NaN where the row has
/// fewer elements than the correction says, and where it has none.
template <expression A, class Axis = no_axis_t>
constexpr auto var(A x, Axis along = {}, int correction = 1) {
  return tracing::keep_or_drop<ops::var_t>(tracing::variance<to_floating(A::type)>(x, correction), along);
}
/// The standard deviation: sqrt(var(x)).
template <expression A, class Axis = no_axis_t>
constexpr auto std(A x, Axis along = {}, int correction = 1) {
  constexpr dtype stored = to_floating(A::type);
  auto variance = tracing::variance < stored == dtype::f64 ? dtype::f64 : dtype::f32 > (x, correction);
  return tracing::apply_as<ops::sqrt_t, stored>(tracing::keep_or_drop<ops::var_t>(variance, along));
}
/// The Euclidean norm of each row.
template <expression A, class Axis = no_axis_t>
constexpr auto norm(A x, Axis along = {}) {
  constexpr dtype stored = to_floating(A::type);
  auto v = tracing::unrounded(cast<stored>(x));
  return tracing::apply_as<ops::sqrt_t, stored>(sum(v * v, along));
}
/// log(sum(exp(x))) of each row, shifted by the maximum so that it does not overflow; a row of -inf, or of no elements,
/// gives -inf.
template <expression A, class Axis = no_axis_t>
constexpr auto logsumexp(A x, Axis along = {}) {
  constexpr dtype stored = to_floating(A::type);
  auto v = tracing::unrounded(cast<stored>(x));
  auto m = max(v, row);
  auto shift = where(isinf(m), 0.f, m);
  return tracing::keep_or_drop<ops::logsumexp_t>(
      tracing::apply_as<ops::add_t, stored>(shift, log(sum(exp(v - shift), row))), along);
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// What users write stands for the operation it should, with the result dtype it should: checked while compiling.
#include <doctest/doctest.h>

#include <cmath>
#include <fuse/op/list.hpp>

namespace {

namespace fx = fuse;
using fx::dtype;
using namespace fuse::ops;

struct written {
  const fx::op_info* op;
  dtype type;
  bool operator==(const written&) const = default;
};

/// What f(x, y) appends to a graph, for arguments of dtypes X and Y.
template <dtype X, dtype Y = X, class F>
consteval written writes(F f) {
  fx::graph_builder g;
  g.constant_dim(1);
  auto argument = [&]<dtype D>(std::integral_constant<dtype, D>, int number) {
    fx::node n;
    n.op = &fx::argument_op;
    n.type = D;
    n.rank = 1;
    n.dims[0] = g.constant_dim(4);
    n.attribute = number;
    return fx::expr<D, fx::extents<4>>{&g, g.push(n)};
  };
  const auto r = f(argument(std::integral_constant<dtype, X>{}, 0), argument(std::integral_constant<dtype, Y>{}, 1));
  static_assert(decltype(r)::rank == 1);
  return {g.nodes[r.id].op, decltype(r)::type};
}
template <class F>
consteval written is(dtype type) {
  return {&fx::op_of<F>, type};
}

constexpr dtype f16 = dtype::f16, f32 = dtype::f32, f64 = dtype::f64, i32 = dtype::i32, i64 = dtype::i64,
                boolean = dtype::boolean;

#define WRITES(x_type, y_type, expression, op, result)                                                \
  static_assert(writes<x_type, y_type>([](auto x, [[maybe_unused]] auto y) { return expression; }) == \
                is<op##_t>(result))
// operators
WRITES(f32, f32, x + y, add, f32);
WRITES(f16, f32, x - y, subtract, f32);
WRITES(f16, f16, x * 2, multiply, f16);
WRITES(f64, f32, 1 / x, divide, f64);
WRITES(i32, i32, x / y, divide, f32);
WRITES(i32, i64, x % y, remainder, i64);
WRITES(f32, f32, -x, negative, f32);
WRITES(f32, f32, x < y, less, boolean);
WRITES(f32, f32, x <= 1, less_equal, boolean);
WRITES(f32, f32, 1.5f > x, greater, boolean);
WRITES(i32, f16, x >= y, greater_equal, boolean);
WRITES(i32, i32, x == y, equal, boolean);
WRITES(i32, i32, x != 3, not_equal, boolean);
WRITES(f32, boolean, x&& y, logical_and, boolean);
WRITES(i32, boolean, x || y, logical_or, boolean);
WRITES(f32, f32, !x, logical_not, boolean);
WRITES(i32, i64, x& y, bitwise_and, i64);
WRITES(boolean, boolean, x | y, bitwise_or, boolean);
WRITES(i32, i32, x ^ 1, bitwise_xor, i32);
WRITES(i32, i32, ~x, bitwise_not, i32);
WRITES(boolean, boolean, ~x, logical_not, boolean);
WRITES(i64, i32, x << y, shift_left, i64);
WRITES(i64, i32, x >> 3, shift_right, i64);
// functions of floats turn integers into f32
WRITES(i32, i32, fx::exp(x), exp, f32);
WRITES(boolean, boolean, fx::sigmoid(x), sigmoid, f32);
WRITES(f16, f16, fx::gelu(x), gelu, f16);
WRITES(f64, f32, fx::atan2(x, y), atan2, f64);
WRITES(i64, i64, fx::sqrt(x), sqrt, f32);
WRITES(f32, f32, fx::lerp(x, y, 0.5f), lerp, f32);
// these keep them
WRITES(i32, i32, fx::abs(x), abs, i32);
WRITES(i32, i32, fx::floor(x), floor, i32);
WRITES(i32, i64, fx::maximum(x, y), maximum, i64);
WRITES(i32, i32, fx::pow(x, 2), pow, i32);
WRITES(i32, i32, fx::floor_divide(x, y), floor_divide, i32);
WRITES(i32, i32, fx::clamp(x, 0, 10), clamp, i32);
WRITES(i32, i32, fx::clamp(x, 0.5f, 10), clamp, f32);
WRITES(i32, i32, fx::fma(x, y, 1), fma, i32);
WRITES(f32, f32, fx::isnan(x), isnan, boolean);
// the condition of where takes no part in promotion
WRITES(f64, f16, fx::where(x > 0, y, 0), where, f16);
WRITES(i64, f16, fx::where(x, y, 0.5f), where, f16);
// parameters that may be left out
WRITES(f32, f32, fx::leaky_relu(x), leaky_relu, f32);
WRITES(f32, f32, fx::leaky_relu(x, 0.2f), leaky_relu, f32);
WRITES(f16, f16, fx::elu(x), elu, f16);
WRITES(f32, f32, fx::elu(x, y), elu, f32);
#undef WRITES

}  // namespace

TEST_CASE("an operation left with its defaults is the one with the documented parameters") {
  constexpr auto same = [](auto f, auto g) {
    fx::graph_builder b;
    b.constant_dim(1);
    fx::node n;
    n.op = &fx::argument_op;
    const fx::expr<f32, fx::extents<>> x{&b, b.push(n)};
    return f(x).id == g(x).id;  // equal nodes are one node
  };
  CHECK(same([](auto x) { return fx::leaky_relu(x); }, [](auto x) { return fx::leaky_relu(x, 0.01f); }));
  CHECK(same([](auto x) { return fx::elu(x); }, [](auto x) { return fx::elu(x, 1); }));
  CHECK(!same([](auto x) { return fx::leaky_relu(x); }, [](auto x) { return fx::leaky_relu(x, 0.02f); }));
}

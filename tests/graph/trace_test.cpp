// SPDX-License-Identifier: Apache-2.0
// What a traced function becomes: shapes in the types, equal values as one node, operators and named functions alike,
// literals folded.
#include <doctest/doctest.h>

#include <cstring>
#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>

namespace {
namespace fx = fuse;
using fx::dtype;
constexpr fx::index dyn = fx::dyn;

template <fx::index... E>
using f32 = fx::view<const float, fx::extents<E...>>;
template <class T, fx::index... E>
using view = fx::view<const T, fx::extents<E...>>;

template <class Fn, class... A>
constexpr auto graph_of(Fn, A...) {
  return fx::tracing::traced<Fn, A...>::graph;
}
/// Nodes of a kind that the traced function left behind.
template <class Graph>
constexpr int count(const Graph& g, fx::op_kind kind) {
  int n = 0;
  for (int i = 0; i < g.node_count; ++i) n += g.nodes[i].kind() == kind;
  return n;
}
template <class Fn, class... A>
constexpr int pointwise(Fn, A...) {
  return count(fx::tracing::traced<Fn, A...>::graph, fx::op_kind::pointwise);
}
/// Are all outputs of the function one node?
template <class Fn, class... A>
constexpr bool one_value(Fn, A...) {
  constexpr auto& g = fx::tracing::traced<Fn, A...>::graph;
  for (int o = 1; o < g.output_count; ++o)
    if (g.outputs[o].node != g.outputs[0].node) return false;
  return g.output_count > 1;
}

constexpr f32<4, 6> x;
constexpr view<std::int32_t, 6> i;
constexpr view<bool, 4, 6> b;

// ---- equal values are one node
static_assert(pointwise([](auto a) { return a * a + a * a; }, x) == 2);
static_assert(pointwise([](auto a) { return fx::sin(a) / (1.f + fx::sin(a)); }, x) == 3);
static_assert(pointwise([](auto a) { return fx::outputs(fx::nn::softmax(a), fx::nn::log_softmax(a)); }, x) == 5);
static_assert(pointwise([](auto a) { return (a + 1.f) * (a + 1.0) * (a + 1); }, x) == 3, "one literal in one dtype");
static_assert(pointwise([](auto a) { return fx::transpose(a) + fx::permute<1, 0>(a); }, x) == 1);
static_assert(
    one_value([](auto a) { return fx::outputs(fx::transpose(a), fx::permute<1, 0>(a), fx::transpose<0, 1>(a)); }, x));
static_assert(pointwise([](auto a, auto c) { return fx::outputs(a - c, c - a); }, x, x) == 2, "operands are in order");
static_assert(!one_value([](auto a, auto c) { return fx::outputs(fx::exp(a), fx::exp(c)); }, x, x),
              "arguments of one type are two values");
static_assert(one_value([](auto a) { return fx::outputs(a, fx::cast<dtype::f32>(a)); }, x), "no cast to its own dtype");
static_assert(one_value([](auto a) { return fx::outputs(a, fx::expand(a, fx::size<4>, fx::size<6>)); }, x));

// ---- operators are the named functions
static_assert(one_value([](auto a, auto c) { return fx::outputs(a + c, fx::add(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a - c, fx::subtract(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a * c, fx::multiply(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a / c, fx::divide(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a % c, fx::remainder(a, c)); }, x, i));
static_assert(one_value([](auto a) { return fx::outputs(-a, fx::negative(a)); }, x));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a == c, fx::equal(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a != c, fx::not_equal(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a < c, fx::less(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a <= c, fx::less_equal(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a > c, fx::greater(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a >= c, fx::greater_equal(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a && c, fx::logical_and(a, c)); }, x, i));
static_assert(one_value([](auto a, auto c) { return fx::outputs(a || c, fx::logical_or(a, c)); }, x, i));
static_assert(one_value([](auto a) { return fx::outputs(!a, fx::logical_not(a)); }, x));
static_assert(one_value([](auto a) { return fx::outputs(~a, fx::logical_not(a), fx::bitwise_not(a)); }, b));
static_assert(one_value([](auto a) { return fx::outputs(a & 3, fx::bitwise_and(a, 3)); }, i));
static_assert(one_value([](auto a) { return fx::outputs(a | 3, fx::bitwise_or(a, 3)); }, i));
static_assert(one_value([](auto a) { return fx::outputs(a ^ 3, fx::bitwise_xor(a, 3)); }, i));
static_assert(one_value([](auto a) { return fx::outputs(a << 3, fx::shift_left(a, 3)); }, i));
static_assert(one_value([](auto a) { return fx::outputs(a >> 3, fx::shift_right(a, 3)); }, i));
static_assert(one_value([](auto a) { return fx::outputs(fx::max(a, 0.f), fx::maximum(a, 0.f)); }, x));
static_assert(one_value([](auto a) { return fx::outputs(fx::min(a, 0.f), fx::minimum(a, 0.f)); }, x));
static_assert(one_value([](auto a) { return fx::outputs(fx::leaky_relu(a), fx::leaky_relu(a, 0.01f)); }, x));
static_assert(one_value([](auto a) { return fx::outputs(fx::elu(a), fx::elu(a, 1.f)); }, x));
static_assert(one_value([](auto a) { return fx::outputs(fx::var(a, fx::row), fx::var(a, fx::row, 1)); }, x));
static_assert(one_value(
    [](auto a) {
      return fx::outputs(fx::sum(a, fx::axis<-1>), fx::sum(a, fx::axis<1>), fx::squeeze<1>(fx::sum(a, fx::row)));
    },
    x));
static_assert(one_value([](auto a, auto w,
                           auto c) { return fx::outputs(fx::linear(a, w, c), fx::matmul(a, fx::transpose(w)) + c); },
                        x, f32<5, 6>{}, f32<5>{}));

// ---- literals fold, and so do static extents
static_assert(pointwise(
                  [](auto a) {
                    auto n = fx::cast<dtype::f32>(fx::extent<-1>(a).as_value());
                    return a / (n * 2.f + 1.f);
                  },
                  x) == 1);
static_assert(pointwise([](auto a) { return a + fx::relu(fx::cast<dtype::f32>(fx::extent<0>(a).as_value()) - 100.f); },
                        x) == 1);
static_assert(pointwise([](auto a) { return a / fx::cast<dtype::f32>(fx::extent<-1>(a).as_value()); }, f32<4, dyn>{}) ==
                  1,
              "a dynamic extent is a value of the call");
template <class Fn, class... A>
constexpr double folded(Fn, A...) {  // the literal that divides
  constexpr auto& g = fx::tracing::traced<Fn, A...>::graph;
  return fx::tracing::constant_value(g.nodes[g.nodes[g.outputs[0].node].in[1]]);
}
static_assert(folded([](auto a) { return a / (fx::cast<dtype::f32>(fx::extent<-1>(a).as_value()) * 2.f + 1.f); }, x) ==
              13);

// ---- shapes are types
template <class Fn, class... A>
using result = fx::tracing::result_of<Fn, A...>;
template <fx::index... E, class Fn, class... A>
constexpr bool has_shape(Fn, A...) {
  return std::is_same_v<typename result<Fn, A...>::extents_type, fx::extents<E...>>;
}
using d = f32<dyn, 4, 6>;
static_assert(has_shape<3, 4, 6>([](auto a, auto c) { return a + c; }, f32<3, 1, 6>{}, f32<4, 1>{}));
static_assert(has_shape<dyn, 4, 6>([](auto a, auto c) { return a * c; }, d{}, f32<4, 6>{}));
static_assert(has_shape<5, 4, 6>([](auto a, auto c) { return a * c; }, d{}, f32<5, 1, 1>{}), "static lengths win");
static_assert(has_shape<2, 3>([](auto a, auto c) { return a + c; }, f32<2, 3>{}, 1.f));
static_assert(has_shape<>([](auto a, auto c) { return a + c; }, f32<>{}, 1.f));
static_assert(has_shape<6, dyn, 4>([](auto a) { return fx::permute<2, 0, 1>(a); }, d{}));
static_assert(has_shape<6, dyn, 4>([](auto a) { return fx::permute<-1, -3, -2>(a); }, d{}));
static_assert(has_shape<dyn, 6, 4>([](auto a) { return fx::transpose(a); }, d{}));
static_assert(has_shape<6, 4, dyn>([](auto a) { return fx::transpose<0, -1>(a); }, d{}));
static_assert(has_shape<dyn, 2, 6>([](auto a) { return fx::slice<1, 1, 3>(a); }, d{}));
static_assert(has_shape<dyn, 4, 2>([](auto a) { return fx::slice<-1, 1, -1, 3>(a); }, d{}), "elements 1 and 4");
static_assert(has_shape<dyn, 4, 3>([](auto a) { return fx::slice<-1, 0, fx::to_end, 2>(a); }, d{}));
static_assert(has_shape<2, 4, 6>([](auto a) { return fx::slice<0, 0, 2>(a); }, d{}));
static_assert(has_shape<3, 4, 6>([](auto a) { return fx::slice<0, -3>(a); }, d{}));
static_assert(has_shape<2, 4, 6>([](auto a) { return fx::slice<0, -3, -1>(a); }, d{}));
static_assert(has_shape<dyn, 4, 6>([](auto a) { return fx::slice<0, 1>(a); }, d{}));
static_assert(has_shape<dyn, 4, 6>([](auto a) { return fx::slice<0, 1, -1>(a); }, d{}));
static_assert(has_shape<dyn, 1, 4, 6>([](auto a) { return fx::unsqueeze<1>(a); }, d{}));
static_assert(has_shape<dyn, 4, 6, 1>([](auto a) { return fx::unsqueeze<-1>(a); }, d{}));
static_assert(has_shape<4, 6>([](auto a) { return fx::squeeze<0>(a); }, f32<1, 4, 6>{}));
static_assert(has_shape<dyn, 4, 6>([](auto a) { return fx::flip<0>(a); }, d{}));
static_assert(has_shape<dyn, 24>([](auto a) { return fx::reshape(a, fx::extent<0>(a), fx::infer); }, d{}) == false,
              "what is inferred beside a dynamic length is dynamic");
static_assert(has_shape<8, 3>([](auto a) { return fx::reshape(a, fx::infer, fx::size<3>); }, x));
static_assert(has_shape<2, 2, 6>([](auto a) { return fx::reshape(a, fx::size<2>, fx::size<2>, fx::size<6>); }, x));
static_assert(has_shape<3, 4, 6>([](auto a) { return fx::expand(a, fx::size<3>, fx::size<4>, fx::size<6>); },
                                 f32<4, 1>{}));
static_assert(has_shape<4, 13>([](auto a, auto c) { return fx::concat<-1>(a, a, c); }, x, f32<4, 1>{}));
static_assert(has_shape<dyn, 6>([](auto a, auto c) { return fx::concat<0>(a, c); }, x, f32<dyn, 6>{}));
static_assert(has_shape<4, 3>([](auto a) { return fx::split<-1, 2>(a)[1]; }, x));
static_assert(has_shape<4>([](auto a) { return fx::iota(fx::extent<0>(a)); }, x));
static_assert(has_shape<4, 6>([](auto a) { return fx::iota_along<0>(a); }, x));
static_assert(has_shape<7, 2, 6>([](auto a, auto c) { return fx::take(a, c); }, x, view<std::int64_t, 7, 2>{}));
static_assert(has_shape<7>([](auto a, auto c) { return fx::take(a, c); }, f32<dyn>{}, view<std::int64_t, 7>{}));
static_assert(has_shape<dyn, 6>([](auto a, auto c, auto v) { return fx::scatter<0>(a, c, v); }, f32<dyn, 6>{}, i,
                                f32<6, 6>{}));
static_assert(has_shape<dyn, 4, 1>([](auto a) { return fx::sum(a, fx::row); }, d{}));
static_assert(has_shape<dyn, 4>([](auto a) { return fx::sum(a, fx::axis<-1>); }, d{}));
static_assert(has_shape<5, dyn, 4, 7>([](auto a, auto c) { return fx::matmul(a, c); }, f32<5, 1, 4, 6>{},
                                      f32<dyn, 6, 7>{}));
static_assert(has_shape<dyn, 4, 9>([](auto a, auto c) { return fx::linear(a, c); }, d{}, f32<9, 6>{}));

// ---- lengths that meet become one, and are checked once
constexpr auto summed = graph_of([](auto a, auto c) { return a + c + a * c; }, f32<dyn>{}, f32<dyn>{});
static_assert(summed.check_count == 1);
static_assert(graph_of([](auto a) { return a + a; }, f32<dyn>{}).check_count == 0);
static_assert(graph_of([](auto a, auto c) { return a + c; }, x, x).check_count == 0);

TEST_CASE("a compiled function knows its name") {
  constexpr auto f = fx::compile<"scale">([](auto a) { return a * 2.f; });
  CHECK(std::strcmp(f.name(), "scale") == 0);
}

}  // namespace

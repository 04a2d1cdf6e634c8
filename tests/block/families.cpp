// SPDX-License-Identifier: Apache-2.0
// Every kernel family in blocks of fibers: free of races and of barriers that some threads miss, in any block size,
// warp and schedule, with the values of a block of one thread.
#include <doctest/doctest.h>

#include <cmath>
#include <fuse/exec/host_executor.hpp>
#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>
#include <random>
#include <tuple>

#include "fiber_executor.hpp"

namespace {

namespace fx = fuse;

template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;

constexpr auto map_chain = fx::compile<"map_chain">([](auto x, auto y, auto bias) {
  auto s = fx::transpose(x) * y + bias;
  return fx::outputs(fx::silu(s), fx::concat<1>(s, fx::slice<1, 0, 3>(y)));
});
constexpr auto softmax = fx::compile<"softmax">([](auto x) { return fx::nn::softmax(x); });
constexpr auto add_rms_norm = fx::compile<"add_rms_norm">([](auto x, auto residual, auto weight) {
  auto h = x + residual;
  return fx::outputs(h, fx::nn::rms_norm(h, weight, 1e-5f));
});
constexpr auto statistics = fx::compile<"statistics">([](auto x) {
  return fx::outputs(fx::argmax(x, fx::axis<-1>), fx::var(x, fx::row), fx::min(x, fx::row),
                     fx::logsumexp(x, fx::axis<-1>));
});
constexpr auto linear = fx::compile<"linear">(
    [](auto x, auto weight, auto bias, auto residual) { return residual + fx::linear(x, weight, bias); });
constexpr auto gated = fx::compile<"gated">([](auto x, auto gate, auto up) {
  return fx::outputs(fx::silu(fx::linear(x, gate)) * fx::linear(x, up), fx::linear(x, up));
});
constexpr auto matmul = fx::compile<"matmul">([](auto a, auto b) { return fx::matmul(a, b) * 0.5f; });
constexpr auto attention = fx::compile<"attention">([](auto q, auto k, auto v) { return fx::nn::attention(q, k, v); });
constexpr auto causal_attention = fx::compile<"causal_attention">(
    [](auto q, auto k, auto v, auto past) { return fx::nn::causal_attention(q, k, fx::transpose(v), past); });

template <class T>
T made(const typename T::lengths& extents, unsigned seed) {
  using element = typename T::element_type;
  T x(extents);
  std::mt19937 random(seed);
  for (fx::index i = 0; i < x.size(); ++i) {
    const float r = float(random() >> 8) / float(1 << 23) - 1.f;
    if constexpr (std::is_integral_v<element>)
      x[i] = element(random() % 2000) - element(1000);
    else
      x[i] = element(r);
  }
  return x;
}

template <class T>
double as_double(T x) {
  if constexpr (std::is_convertible_v<T, double>)
    return double(x);
  else
    return double(float(x));
}
template <class T>
double largest_difference(const T& a, const T& b) {
  double d = 0;
  for (fx::index i = 0; i < a.size(); ++i)
    d = std::fmax(d, std::fabs(as_double(a[i]) - as_double(b[i])) / std::fmax(1., std::fabs(as_double(b[i]))));
  return d;
}
template <class... T>
double largest_difference(const std::tuple<T...>& a, const std::tuple<T...>& b) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    double d = 0;
    ((d = std::fmax(d, largest_difference(std::get<I>(a), std::get<I>(b)))), ...);
    return d;
  }
  (std::index_sequence_for<T...>{});
}

/// All sizes where lanes exchange nothing, then warps: whole multiples up to 128.
template <class Visit>
void each_shape(Visit visit) {
  for (int lanes : {1, 2, 4, 32})
    for (int size = lanes; size <= fibers::most_fibers; size += lanes > 4   ? lanes
                                                                : size < 16 ? lanes
                                                                : size < 64 ? 3 * lanes
                                                                            : 16)
      for (unsigned seed = 0; seed < 2; ++seed) visit(fibers::shape{size, lanes, seed + unsigned(size)});
}

/// `function` of `arguments` in blocks of every shape. Rounding of reductions differs with the order, by `tolerance`.
template <class F, class... A>
void check(fx::family family, double tolerance, const F& function, const A&... arguments) {
  fx::host_executor<> one_thread;
  const auto expected = function(one_thread, arguments...);
  bool held = false, in_scratch = false;
  each_shape([&](const fibers::shape& s) {
    fibers::executor block(s);
    const auto got = function(block, arguments...);
    CAPTURE(F::name());
    CAPTURE(s.size);
    CAPTURE(s.lanes);
    CAPTURE(s.seed);
    REQUIRE(block.result().divergence == "");
    REQUIRE(block.result().races == 0);
    REQUIRE(largest_difference(got, expected) <= tolerance);
    held = held || block.ran(family, true);
    in_scratch = in_scratch || block.ran(family, false);
  });
  CHECK((held || in_scratch));
}

}  // namespace

TEST_CASE("map: views, broadcasts, two outputs") {
  check(fx::family::map, 0, map_chain, made<tensor<float, fx::dyn, 5>>({37, 5}, 1),
        made<tensor<float, 5, fx::dyn>>({5, 37}, 2), made<tensor<float, fx::dyn>>({37}, 3));
  check(fx::family::map, 0, map_chain, made<tensor<fx::bf16, 19, 6>>({19, 6}, 1),
        made<tensor<fx::bf16, 6, 19>>({6, 19}, 2), made<tensor<float, 19>>({19}, 3));
}

TEST_CASE("row: reductions through scratch memory") {
  check(fx::family::row, 1e-6, softmax, made<tensor<float, fx::dyn, fx::dyn>>({3, 1001}, 1));
  check(fx::family::row, 1e-2, add_rms_norm, made<tensor<fx::bf16, fx::dyn, fx::dyn>>({3, 333}, 1),
        made<tensor<fx::bf16, fx::dyn, fx::dyn>>({3, 333}, 2), made<tensor<fx::bf16, fx::dyn>>({333}, 3));
  check(fx::family::row, 1e-12, statistics, made<tensor<double, fx::dyn, fx::dyn>>({2, 203}, 1));
}

TEST_CASE("row: reductions of rows that threads hold in registers") {
  check(fx::family::row, 1e-6, softmax, made<tensor<float, fx::dyn, 168>>({3, 168}, 1));
  check(fx::family::row, 1e-5, statistics, made<tensor<float, 2, 77>>({2, 77}, 1));
  check(fx::family::row, 0, statistics, made<tensor<float, fx::dyn, fx::dyn>>({2, 1}, 1));
}

TEST_CASE("tile: products with their epilogue") {
  check(fx::family::tile, 1e-5, linear, made<tensor<float, fx::dyn, fx::dyn>>({9, 67}, 1),
        made<tensor<float, fx::dyn, fx::dyn>>({70, 67}, 2), made<tensor<float, fx::dyn>>({70}, 3),
        made<tensor<float, fx::dyn, fx::dyn>>({9, 70}, 4));
  check(fx::family::tile, 2e-2, gated, made<tensor<fx::bf16, 3, 40>>({3, 40}, 1),
        made<tensor<fx::bf16, 21, 40>>({21, 40}, 2), made<tensor<fx::bf16, 21, 40>>({21, 40}, 3));
}

TEST_CASE("tile: batched products that read the right operand along its rows") {
  check(fx::family::tile, 1e-5, matmul, made<tensor<float, 2, fx::dyn, fx::dyn>>({2, 5, 33}, 1),
        made<tensor<float, 2, fx::dyn, fx::dyn>>({2, 33, 18}, 2));
}

TEST_CASE("attention: scores, softmax and values in one kernel") {
  check(fx::family::attention, 1e-5, attention, made<tensor<float, 2, fx::dyn, 16>>({2, 3, 16}, 1),
        made<tensor<float, 2, fx::dyn, 16>>({2, 37, 16}, 2), made<tensor<float, 2, fx::dyn, 24>>({2, 37, 24}, 3));
  check(fx::family::attention, 1e-5, causal_attention, made<tensor<float, 2, fx::dyn, 16>>({2, 3, 16}, 1),
        made<tensor<float, 2, fx::dyn, 16>>({2, 21, 16}, 2), made<tensor<float, 2, 16, fx::dyn>>({2, 16, 21}, 3), 18);
}

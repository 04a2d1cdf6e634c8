// SPDX-License-Identifier: Apache-2.0
// explain and dot of compiled functions say what a call does: its kernels, what they compute, read and write, the bytes
// and operations of this call's lengths, and why an intermediate is stored.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O0")  // nothing here runs for long
#endif
#include <doctest/doctest.h>

#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>
#include <string>

namespace {
namespace fx = fuse;
constexpr fx::index dyn = fx::dyn;
template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;
using matrix = tensor<float, dyn, dyn>;

template <template <class, class> class Tensor>
struct dense_weights {
  using full = Tensor<float, fx::extents<dyn, dyn>>;
  using row = Tensor<float, fx::extents<dyn>>;
  BOOST_HANA_DEFINE_STRUCT(dense_weights, (full, weight), (row, bias));
};

constexpr auto wave = fx::compile<"wave">([](auto x, auto y) { return fx::sin(x) + fx::cos(y); });
constexpr auto dense = fx::compile<"dense">([](auto x, auto w) { return fx::relu(fx::linear(x, w.weight, w.bias)); });
constexpr auto mlp =
    fx::compile<"mlp">([](auto x, auto a, auto b) { return fx::linear(fx::relu(fx::linear(x, a)), b); });
constexpr auto share =
    fx::compile<"share">([](auto x) { return x / fx::sum(fx::reshape(x, fx::infer), fx::axis<-1>); });
constexpr auto softmax = fx::compile<"softmax">([](auto x) { return fx::nn::softmax(x); });
constexpr auto attention = fx::compile<"attention">([](auto q, auto k, auto v) { return fx::nn::attention(q, k, v); });
constexpr auto embed = fx::compile<"embed">([](auto table, auto rows) { return fx::take(table, rows); });
constexpr auto scaled =
    fx::compile<"scaled">([](auto x, auto s) { return fx::outputs(x * s, fx::max(x, fx::axis<-1>)); });

constexpr auto classes = fx::compile<"classes">([](auto x, auto w) { return fx::nn::softmax(fx::linear(x, w)); });
constexpr auto folded =
    fx::compile<"folded">([](auto x) { return fx::reshape(fx::concat<0>(x, -x), fx::size<3>, fx::size<16>) * 2.f; });
constexpr auto appended = fx::compile<"appended">(
    [](auto cache, auto rows, auto values) { return fx::sum(fx::scatter<0>(cache, rows, values), fx::row); });

/// The only line that says why an intermediate is stored.
template <class... A>
std::string reason(const A&... a) {
  const std::string words = fx::explain(a...).c_str();
  const auto from = words.find("  stored between kernels: ");
  REQUIRE(from != std::string::npos);
  REQUIRE(words.find("  stored between kernels: ", from + 1) == std::string::npos);
  const auto colon = words.find(": ", words.find(']', from));
  return words.substr(colon + 2, words.find('\n', from) - colon - 2);
}

// (5, 32) by [16, 32] and [8, 16]
const tensor<float, dyn, 32> x({5, 32});
const matrix up({16, 32}), down({8, 16});
const tensor<float, dyn> bias({16});
const tensor<float, 4, 6> small({4, 6});
}  // namespace

TEST_CASE("explain: a map, with an operand that broadcasts") {
  // 24 results of 10 + 10 + 1 operations from 24 and 6 floats
  CHECK(std::string(fx::explain(wave, small, tensor<float, dyn>({6})).c_str()) == R"(wave: 1 kernel
  kernel 0  map over (4, 6)
    computes sin cos add
    reads    argument 0 f32[4, 6], argument 1 f32[6]
    writes   output 0 f32[4, 6]
    moves    120 B in, 96 B out; 504 flops
  in all: 120 B in, 96 B out; 504 flops
)");
}

TEST_CASE("explain: a product with its epilogue, arguments by the names of their members") {
  // 5 x 16 results of 32 products and sums, a bias and an activation, from 160 + 512 + 16 floats
  const dense_weights<fx::storage> weights{up.view(), bias.view()};
  CHECK(std::string(fx::explain(dense, x, weights).c_str()) == R"(dense: 1 kernel
  kernel 0  tile over (5, 16) x 32
    computes matmul add relu
    reads    argument 0 f32[5, 32], argument 1.weight f32[16, 32], argument 1.bias f32[16]
    writes   output 0 f32[5, 16]
    moves    2.7 KiB in, 320 B out; 5280 flops
  in all: 2.7 KiB in, 320 B out; 5280 flops
)");
  CHECK(std::string(fx::explain<fx::mode::eager>(dense, x, weights).c_str()) == R"(dense: 3 kernels (eager)
  kernel 0  tile over (5, 16) x 32
    computes matmul
    reads    argument 0 f32[5, 32], argument 1.weight f32[16, 32]
    writes   %4 matmul f32[5, 16]
    moves    2.6 KiB in, 320 B out; 5120 flops
  kernel 1  map over (5, 16)
    computes add
    reads    %4 matmul f32[5, 16], argument 1.bias f32[16]
    writes   %6 add f32[5, 16]
    moves    384 B in, 320 B out; 80 flops
  kernel 2  map over (5, 16)
    computes relu
    reads    %6 add f32[5, 16]
    writes   output 0 f32[5, 16]
    moves    320 B in, 320 B out; 80 flops
  stored between kernels: %4 matmul f32[5, 16]: one kernel per operation was asked for
  stored between kernels: %6 add f32[5, 16]: one kernel per operation was asked for
  in all: 3.3 KiB in, 960 B out; 5280 flops
)");
  CHECK(std::string(fx::dot(dense, x, weights).c_str()) == R"(digraph "dense" {
  node [shape=box];
  b0 [label="argument 0\nf32[5, 32]", shape=plain];
  b1 [label="argument 1.weight\nf32[16, 32]", shape=plain];
  b2 [label="argument 1.bias\nf32[16]", shape=plain];
  b3 [label="output 0\nf32[5, 16]", shape=plain];
  k0 [label="tile\nmatmul\nadd\nrelu"];
  b0 -> k0;
  b1 -> k0;
  b2 -> k0;
  k0 -> b3;
}
)");
}

TEST_CASE("explain and dot: an intermediate that a contraction reads") {
  CHECK(std::string(fx::explain(mlp, x, up, down).c_str()) == R"(mlp: 2 kernels
  kernel 0  tile over (5, 16) x 32
    computes matmul relu
    reads    argument 0 f32[5, 32], argument 1 f32[16, 32]
    writes   %5 relu f32[5, 16]
    moves    2.6 KiB in, 320 B out; 5200 flops
  kernel 1  tile over (5, 8) x 16
    computes matmul
    reads    %5 relu f32[5, 16], argument 2 f32[8, 16]
    writes   output 0 f32[5, 8]
    moves    832 B in, 160 B out; 1280 flops
  stored between kernels: %5 relu f32[5, 16]: its consumer reads each element many times, so it is computed once
  in all: 3.4 KiB in, 480 B out; 6480 flops
)");
  CHECK(std::string(fx::dot(mlp, x, up, down).c_str()) == R"(digraph "mlp" {
  node [shape=box];
  b0 [label="argument 0\nf32[5, 32]", shape=plain];
  b1 [label="argument 1\nf32[16, 32]", shape=plain];
  b2 [label="argument 2\nf32[8, 16]", shape=plain];
  b3 [label="output 0\nf32[5, 8]", shape=plain];
  k0 [label="tile\nmatmul\nrelu"];
  b0 -> k0;
  b1 -> k0;
  k1 [label="tile\nmatmul"];
  k0 -> k1 [label="f32[5, 16]"];
  b2 -> k1;
  k1 -> b3;
}
)");
}

TEST_CASE("explain and dot: a scalar and two results of one kernel") {
  // x is read once; 24 products, 24 comparisons
  CHECK(std::string(fx::explain(scaled, small, 2.f).c_str()) == R"(scaled: 1 kernel
  kernel 0  row over (4, 6)
    computes multiply max
    reads    argument 0 f32[4, 6]
    writes   output 0 f32[4, 6], output 1 f32[4]
    moves    96 B in, 112 B out; 48 flops
  in all: 96 B in, 112 B out; 48 flops
)");
  CHECK(std::string(fx::dot(scaled, small, 2.f).c_str()) == R"(digraph "scaled" {
  node [shape=box];
  b0 [label="argument 0\nf32[4, 6]", shape=plain];
  b2 [label="output 0\nf32[4, 6]", shape=plain];
  b3 [label="output 1\nf32[4]", shape=plain];
  k0 [label="row\nmultiply\nmax"];
  b0 -> k0;
  k0 -> b2;
  k0 -> b3;
}
)");
}

TEST_CASE("explain: bytes and operations follow the lengths of the call") {
  auto total = [](const fx::text& words) {
    const std::string s = words.c_str();
    return s.substr(s.rfind("in all: ") + 8);
  };
  // 14 operations an element, a reciprocal a row; bf16
  const tensor<fx::bf16, dyn, dyn> three({3, 1000}), none({0, 1000});
  CHECK(total(fx::explain(softmax, three)) == "5.9 KiB in, 5.9 KiB out; 42003 flops\n");
  CHECK(total(fx::explain(softmax, none)) == "0 B in, 0 B out; 0 flops\n");
  // Two rows of the table, and their numbers
  CHECK(total(fx::explain(embed, tensor<float, dyn, 64>({1000, 64}), tensor<std::int32_t, 2>({2}))) ==
        "520 B in, 512 B out; 0 flops\n");
  // Scores and weighted sums of 4 x 5 x 9 x 16 products each, and 15 operations a score, 2 a row
  const tensor<float, 4, 5, 16> q({4, 5, 16});
  const tensor<float, 4, 9, 16> k({4, 9, 16});
  CHECK(total(fx::explain(attention, q, k, k)) == "5.8 KiB in, 1.3 KiB out; 14260 flops\n");
}

TEST_CASE("explain: why an intermediate is stored") {
  CHECK(reason(share, small) == "its reduction runs over other rows: every block would need all of them");
  CHECK(reason(mlp, x, up, down) == "its consumer reads each element many times, so it is computed once");
  CHECK(reason(classes, x, up) == "a contraction needs all blocks before its consumers, unless they are its epilogue");
  CHECK(reason(folded, small) == "its consumer reads it in an order that is no affine view of it");
  CHECK(reason(appended, small, tensor<std::int32_t, 2>({2}), tensor<float, 2, 6>({2, 6})) ==
        "a scatter writes into its buffer");
}

TEST_CASE("explain and dot refuse what a call refuses") {
  CHECK_THROWS_AS(fx::explain(wave, small, tensor<float, dyn>({7})), fx::error);
  CHECK_THROWS_AS(fx::dot(wave, small, tensor<float, dyn>({7})), fx::error);
  CHECK_NOTHROW(fx::dot(wave, small, tensor<float, dyn>({6})));
}

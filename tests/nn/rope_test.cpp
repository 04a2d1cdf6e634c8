// SPDX-License-Identifier: Apache-2.0
#include <fuse/nn/rope.hpp>

#include "compare.hpp"

using namespace nn_test;

namespace {

constexpr auto rope = fx::compile<"rope">(
    [](auto x, auto c, auto s) { return fx::nn::rope(x, fx::unsqueeze<1>(c), fx::unsqueeze<1>(s)); });
constexpr auto rope_interleaved = fx::compile<"rope_interleaved">(
    [](auto x, auto c, auto s) { return fx::nn::rope_interleaved(x, fx::unsqueeze<1>(c), fx::unsqueeze<1>(s)); });

using heads = fx::view<const float, extents<5, 3, 16>>;
using angles = fx::view<const float, extents<5, 8>>;
static_assert(fx::kernel_count(rope, heads{}, angles{}, angles{}) == 1);
static_assert(fx::kernel_count(rope_interleaved, heads{}, angles{}, angles{}) == 1);

/// x (tokens, heads, d): pair i is (first[i], second[i]) of each head and turns by the angle of its token.
numbers turned(const numbers& x, const numbers& cos, const numbers& sin, fx::index tokens, fx::index heads, fx::index d,
               bool interleaved) {
  numbers r(x.size());
  const fx::index half = d / 2;
  for (fx::index t = 0; t < tokens; ++t)
    for (fx::index h = 0; h < heads; ++h)
      for (fx::index i = 0; i < half; ++i) {
        const auto head = (t * heads + h) * d;
        const auto a = std::size_t(head + (interleaved ? 2 * i : i));
        const auto b = std::size_t(head + (interleaved ? 2 * i + 1 : i + half));
        const double c = cos[std::size_t(t * half + i)], s = sin[std::size_t(t * half + i)];
        r[a] = x[a] * c - x[b] * s;
        r[b] = x[b] * c + x[a] * s;
      }
  return r;
}

matrix<float> table(fx::index tokens, fx::index half, double (*f)(double)) {
  matrix<float> r({tokens, half});
  for (fx::index t = 0; t < tokens; ++t)
    for (fx::index i = 0; i < half; ++i)
      r[t * half + i] = float(f(double(t + 3) * std::pow(10000.0, -double(i) / double(half))));
  return r;
}

}  // namespace

TEST_CASE_TEMPLATE("rope: both pairings, the result in the dtype of the heads", T, float, fuse::f16, fuse::bf16) {
  for (fx::index d : {2, 6, 16, 64, 80}) {
    CAPTURE(d);
    const auto x = random<cube<T>>({5, 3, d}, unsigned(d));
    const auto c = table(5, d / 2, std::cos), s = table(5, d / 2, std::sin);
    static_assert(
        std::is_same_v<typename decltype(rope(std::declval<fx::host_executor<>&>(), x, c, s))::element_type, T>);
    check(rope, 1, turned(numbers_of(x), numbers_of(c), numbers_of(s), 5, 3, d, false), x, c, s);
    check(rope_interleaved, 1, turned(numbers_of(x), numbers_of(c), numbers_of(s), 5, 3, d, true), x, c, s);
  }
}

TEST_CASE("rope: the length of a pair does not change") {
  const auto x = random<cube<float>>({4, 2, 32}, 3);
  fx::host_executor<> cpu;
  const auto y = rope(cpu, x, table(4, 16, std::cos), table(4, 16, std::sin));
  for (fx::index head = 0; head < 8; ++head)
    for (fx::index i = 0; i < 16; ++i) {
      const fx::index a = head * 32 + i, b = a + 16;
      CHECK(y[a] * y[a] + y[b] * y[b] == doctest::Approx(x[a] * x[a] + x[b] * x[b]).epsilon(1e-5));
    }
}

TEST_CASE("rope: angles for another head length are refused") {
  const auto x = random<cube<float>>({4, 2, 32}, 3);
  fx::host_executor<> cpu;
  CHECK_THROWS_AS(rope(cpu, x, table(4, 15, std::cos), table(4, 15, std::sin)), fx::error);
  CHECK_THROWS_AS(rope(cpu, x, table(3, 16, std::cos), table(3, 16, std::sin)), fx::error);
}

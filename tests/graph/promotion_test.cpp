// SPDX-License-Identifier: Apache-2.0
// The dtype of results: PyTorch's promotion, of tensors, run-time scalars and literals.
// Source of the values: torch.promote_types and torch.result_type of PyTorch 2; u8 with i8 is i16 there, i32 here.
#include <doctest/doctest.h>

#include <fuse/fuse.hpp>
#include <string>

namespace {
namespace fx = fuse;
using fx::dtype;
using enum fx::dtype;

constexpr dtype all[] = {boolean, u8, i8, i32, i64, f16, bf16, f32, f64};

// Rows and columns in the order of `all`.
constexpr dtype promoted[9][9] = {
    {boolean, u8, i8, i32, i64, f16, bf16, f32, f64},     // bool
    {u8, u8, i32, i32, i64, f16, bf16, f32, f64},         // u8
    {i8, i32, i8, i32, i64, f16, bf16, f32, f64},         // i8
    {i32, i32, i32, i32, i64, f16, bf16, f32, f64},       // i32
    {i64, i64, i64, i64, i64, f16, bf16, f32, f64},       // i64
    {f16, f16, f16, f16, f16, f16, f32, f32, f64},        // f16
    {bf16, bf16, bf16, bf16, bf16, f32, bf16, f32, f64},  // bf16
    {f32, f32, f32, f32, f32, f32, f32, f32, f64},        // f32
    {f64, f64, f64, f64, f64, f64, f64, f64, f64},        // f64
};
// A tensor (row) with a zero-rank tensor or run-time scalar (column): only a higher category counts.
constexpr dtype with_scalar[9][9] = {
    {boolean, u8, i8, i32, i64, f16, bf16, f32, f64},        // bool
    {u8, u8, u8, u8, u8, f16, bf16, f32, f64},               // u8
    {i8, i8, i8, i8, i8, f16, bf16, f32, f64},               // i8
    {i32, i32, i32, i32, i32, f16, bf16, f32, f64},          // i32
    {i64, i64, i64, i64, i64, f16, bf16, f32, f64},          // i64
    {f16, f16, f16, f16, f16, f16, f16, f16, f16},           // f16
    {bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16},  // bf16
    {f32, f32, f32, f32, f32, f32, f32, f32, f32},           // f32
    {f64, f64, f64, f64, f64, f64, f64, f64, f64},           // f64
};
// A tensor, or a zero-rank tensor (row), with a literal: true, 1, 1.5f, 1.5.
constexpr dtype with_literal[9][4] = {{boolean, i64, f32, f32}, {u8, u8, f32, f32},   {i8, i8, f32, f32},
                                      {i32, i32, f32, f32},     {i64, i64, f32, f32}, {f16, f16, f16, f16},
                                      {bf16, bf16, bf16, bf16}, {f32, f32, f32, f32}, {f64, f64, f64, f64}};

template <dtype D>
using tensor = fx::expr<D, fx::extents<3>>;
template <dtype D>
using scalar = fx::expr<D, fx::extents<>>;

template <class A, class B>
constexpr dtype sum_of = decltype(std::declval<A>() + std::declval<B>())::type;

/// The whole table of a binary operation's result types, computed while compiling.
template <template <dtype> class Left, template <dtype> class Right>
struct table {
  dtype at[9][9];
  static constexpr table make() {
    table t{};
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((t.at[I / 9][I % 9] = sum_of<Left<all[I / 9]>, Right<all[I % 9]>>), ...);
    }
    (std::make_index_sequence<81>{});
    return t;
  }
};
constexpr auto tensors = table<tensor, tensor>::make();
constexpr auto tensor_scalar = table<tensor, scalar>::make();
constexpr auto scalar_tensor = table<scalar, tensor>::make();
constexpr auto scalars = table<scalar, scalar>::make();

constexpr bool same(const dtype (&a)[9][9], const dtype (&b)[9][9], bool transposed = false) {
  for (int i = 0; i < 9; ++i)
    for (int j = 0; j < 9; ++j)
      if (a[i][j] != (transposed ? b[j][i] : b[i][j])) return false;
  return true;
}
static_assert(same(tensors.at, promoted));
static_assert(same(scalars.at, promoted));
static_assert(same(tensor_scalar.at, with_scalar));
static_assert(same(scalar_tensor.at, with_scalar, true));
static_assert(same(promoted, promoted, true), "promotion is symmetric");

template <template <dtype> class Left>
constexpr bool literals_match() {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((sum_of<Left<all[I]>, bool> == with_literal[I][0] && sum_of<Left<all[I]>, int> == with_literal[I][1] &&
             sum_of<Left<all[I]>, long> == with_literal[I][1] && sum_of<Left<all[I]>, float> == with_literal[I][2] &&
             sum_of<Left<all[I]>, double> == with_literal[I][3] &&
             sum_of<double, Left<all[I]>> == with_literal[I][3]) &&
            ...);
  }
  (std::make_index_sequence<9>{});
}
static_assert(literals_match<tensor>());
static_assert(literals_match<scalar>());

// Three operands: torch.result_type of tensor, scalar and literal together.
static_assert(decltype(fx::fma(tensor<i32>{}, scalar<f16>{}, 1.5f))::type == f16);
static_assert(decltype(fx::clamp(tensor<u8>{}, 0, 300))::type == u8);
static_assert(decltype(fx::clamp(tensor<u8>{}, 0.f, 1.f))::type == f32);
static_assert(decltype(fx::where(tensor<f64>{}, tensor<i8>{}, 0))::type == i8, "a condition takes no part");
static_assert(decltype(fx::where(tensor<boolean>{}, 1, 0.5))::type == f32);
static_assert(decltype(fx::where(tensor<boolean>{}, tensor<bf16>{}, -1e30))::type == bf16);

// Rules of operations, for each dtype.
template <dtype D>
constexpr bool rules_hold() {
  using t = tensor<D>;
  constexpr dtype floating = D < f16 ? f32 : D, summed = D < f16 ? i64 : D;
  return decltype(t{} / t{})::type == floating && decltype(t{} / 2)::type == floating &&
         decltype(fx::exp(t{}))::type == floating && decltype(fx::sqrt(t{}))::type == floating &&
         decltype(fx::atan2(t{}, t{}))::type == floating && decltype(t{} < t{})::type == boolean &&
         decltype(t{} == 1)::type == boolean && decltype(t{} && t{})::type == boolean &&
         decltype(fx::isnan(t{}))::type == boolean && decltype(fx::abs(t{}))::type == D &&
         decltype(fx::floor(t{}))::type == D && decltype(t{} % t{})::type == D &&
         decltype(fx::floor_divide(t{}, t{}))::type == D && decltype(fx::pow(t{}, t{}))::type == D &&
         decltype(fx::sum(t{}, fx::row))::type == summed && decltype(fx::prod(t{}, fx::row))::type == summed &&
         decltype(fx::mean(t{}, fx::row))::type == floating && decltype(fx::var(t{}, fx::row))::type == floating &&
         decltype(fx::std(t{}, fx::row))::type == floating && decltype(fx::norm(t{}, fx::row))::type == floating &&
         decltype(fx::logsumexp(t{}, fx::row))::type == floating && decltype(fx::max(t{}, fx::row))::type == D &&
         decltype(fx::min(t{}, fx::row))::type == D && decltype(fx::any(t{}, fx::row))::type == boolean &&
         decltype(fx::all(t{}, fx::row))::type == boolean && decltype(fx::argmax(t{}, fx::row))::type == i64 &&
         decltype(fx::argmin(t{}, fx::row))::type == i64 && decltype(fx::cast<f16>(t{}))::type == f16;
}
static_assert(rules_hold<boolean>() && rules_hold<u8>() && rules_hold<i8>() && rules_hold<i32>() && rules_hold<i64>());
static_assert(rules_hold<f16>() && rules_hold<bf16>() && rules_hold<f32>() && rules_hold<f64>());
template <dtype A, dtype B>
using product = decltype(fx::matmul(fx::expr<A, fx::extents<2, 3>>{}, fx::expr<B, fx::extents<3, 4>>{}));
static_assert(product<f16, bf16>::type == f32 && product<i8, i32>::type == i32 && product<u8, bf16>::type == bf16);

TEST_CASE("promote agrees with torch.promote_types") {
  for (int i = 0; i < 9; ++i)
    for (int j = 0; j < 9; ++j) {
      const std::string pair = std::string(fx::name_of(all[i])) + " with " + fx::name_of(all[j]);
      CAPTURE(pair);
      CHECK(fx::promote(all[i], all[j]) == promoted[i][j]);
    }
}

/// What a function of run-time scalars computes in: seen in its result.
constexpr auto increment = fx::compile<"increment">([](auto x, auto s) { return x + s * 2; });
TEST_CASE("a run-time scalar keeps a tensor's dtype within its category, and its own value") {
  fx::host_executor cpu;
  const fx::tensor<std::uint8_t, fx::extents<2>> bytes({2}, {1, 250});
  const auto wrapped = increment(cpu, bytes, std::int64_t{3});
  static_assert(std::is_same_v<decltype(wrapped[0]), std::uint8_t&>);
  CHECK(wrapped[0] == 7);
  CHECK(wrapped[1] == 0);
  const auto real = increment(cpu, bytes, 0.25);
  static_assert(std::is_same_v<decltype(real[0]), double&>);
  CHECK(real[0] == 1.5);
  const fx::tensor<std::int64_t, fx::extents<1>> big({1}, {(std::int64_t(1) << 62) + 1});
  CHECK(increment(cpu, big, (std::int64_t(1) << 55) + 1)[0] == (std::int64_t(1) << 62) + (std::int64_t(1) << 56) + 3);
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// Compiled functions called within others: their bodies in place, with values and kernels of what is written out.
#include <doctest/doctest.h>

#include "../exec/support/machine.hpp"

namespace {
namespace fx = fuse;
using fx::dyn;
using machine::get;
using machine::put;
template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;
using matrix = tensor<float, dyn, 4>;

namespace parts {
constexpr auto square = fx::compile<"square">([](auto x) { return x * x; });
constexpr auto scale = fx::compile<"scale">([](auto x, auto by) { return x * by; });
constexpr auto both = fx::compile<"both">([](auto x, auto y) { return fx::outputs(x + y, x - y, x > y); });
constexpr auto only = fx::compile<"only">([](auto x) { return fx::outputs(x - 1); });
constexpr auto share = fx::compile<"share">([](auto x) { return x / fx::sum(x, fx::row); });
template <template <class, class> class Tensor>
struct affine {
  using row = Tensor<float, fx::extents<4>>;
  BOOST_HANA_DEFINE_STRUCT(affine, (row, weight), (row, bias));
};
constexpr auto apply = fx::compile<"apply">([](auto x, auto w) { return x * w.weight + w.bias; });
}  // namespace parts

/// f's results in the plans that the machine runs, each compared with what is right.
template <class F, class Check, class... A>
void run(const F& f, const Check& check, const A&... a) {
  if constexpr (machine::runs_eager) {
    machine::any_executor eager(fx::mode::eager);
    std::apply(check, machine::call(eager, f, a...));
  }
  machine::fused_executor fused;
  std::apply(check, machine::call(fused, f, a...));
  CHECK(fused.launches() == 1);
}
matrix numbers() { return matrix({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}); }

constexpr auto after_square = fx::compile<"after_square">([](auto x) { return parts::square(x) + 1.f; });
constexpr auto of_several = fx::compile<"of_several">([](auto x) {
  auto [sum, difference, more] = parts::both(x, parts::square(x));
  return fx::outputs(sum, fx::where(more, 0.f, difference), parts::only(x));
});
constexpr auto of_scalars = fx::compile<"of_scalars">([](auto x, auto by) {
  return fx::outputs(parts::scale(parts::scale(x, 3), by), parts::scale(parts::scale(by, 0.5f), x),
                     parts::scale(2, fx::cast<int>(x)));
});
constexpr auto of_struct =
    fx::compile<"of_struct">([](auto x, auto w) { return parts::share(parts::apply(parts::share(x) * 10.f, w)); });
constexpr auto nested = fx::compile<"nested">([](auto x) { return after_square(after_square(-x)); });

// What a number is within is what it is as an argument of a call: a scalar of the dtype of its type.
constexpr auto of_number = fx::compile<"of_number">([](auto x) { return parts::scale(x, 300); });
template <class F, class... A>
using result = decltype(std::declval<const F&>()(std::declval<fx::host_executor<>&>(), std::declval<const A&>()...));
template <class T>
using row = fx::view<const T, fx::extents<4>>;
template <class T>
constexpr bool same_dtype =
    std::is_same_v<result<decltype(of_number), row<T>>, result<decltype(parts::scale), row<T>, int>>;
constexpr auto of_half = fx::compile<"of_half">([](auto x) { return parts::scale(x, fx::f16(1.5f)); });
static_assert(
    std::is_same_v<result<decltype(of_half), row<fx::bf16>>, result<decltype(parts::scale), row<fx::bf16>, fx::f16>>);
static_assert(same_dtype<std::uint8_t> && same_dtype<bool> && same_dtype<fx::f16> && same_dtype<double>);
}  // namespace

TEST_CASE("a function of one result within another") {
  run(
      after_square,
      [](const auto& y) {
        for (int i = 0; i < 8; ++i) CHECK(y[i] == float((i + 1) * (i + 1) + 1));
      },
      numbers());
}
TEST_CASE("functions of several results, which become a tuple, and of one in a pack") {
  run(
      of_several,
      [](const auto& sum, const auto& difference, const auto& less) {
        for (int i = 0; i < 8; ++i) {
          const float x = float(i + 1);
          CHECK(sum[i] == x + x * x);
          CHECK(difference[i] == x - x * x);
          CHECK(less[i] == x - 1);
        }
      },
      numbers());
}
TEST_CASE("numbers and run-time scalars as arguments") {
  run(
      of_scalars,
      [](const auto& a, const auto& b, const auto& c) {
        for (int i = 0; i < 8; ++i) {
          CHECK(a[i] == float(i + 1) * 3 * 7);
          CHECK(b[i] == float(i + 1) * 3.5f);
          CHECK(c[i] == (i + 1) * 2);
        }
      },
      numbers(), 7.f);
}
TEST_CASE("structs of weights, and reductions that fuse with what is around them") {
  const tensor<float, 4> weight({4}, {1, 2, 3, 4}), bias({4}, {1, 1, 1, 1});
  machine::fused_executor e;
  const matrix host = numbers();
  const auto &w = put(e, weight), &b = put(e, bias);
  const auto& x = put(e, host);
  const auto y = get(e, of_struct(e, x, parts::affine<fx::storage>{w, b}));
  for (int row = 0; row < 2; ++row) {
    double whole = 0, shared = 0, value[4];
    for (int i = 0; i < 4; ++i) whole += 4 * row + i + 1;
    for (int i = 0; i < 4; ++i) shared += value[i] = (4 * row + i + 1) / whole * 10 * (i + 1) + 1;
    for (int i = 0; i < 4; ++i) CHECK(y[4 * row + i] == doctest::Approx(value[i] / shared).epsilon(1e-6));
  }
  CHECK(e.launches() == 1);
}
TEST_CASE("functions within functions within functions") {
  run(
      nested,
      [](const auto& y) {
        for (int i = 0; i < 8; ++i) {
          const float inner = float((i + 1) * (i + 1) + 1);
          CHECK(y[i] == inner * inner + 1);
        }
      },
      numbers());
}

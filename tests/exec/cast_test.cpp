// SPDX-License-Identifier: Apache-2.0
// cast between all dtypes, fused and alone, on packs of other widths than the host's own, and of constants.
#include "support/casts.hpp"

#include <fuse/math/convert.hpp>

using namespace casts;

TEST_CASE_TEMPLATE("casts of integers", T, INTEGERS_TO_TEST) { check_casts<T>(); }
TEST_CASE_TEMPLATE("casts of floats", T, FLOATS_TO_TEST) { check_casts<T>(); }

namespace {
/// f applied to packs of W lanes, each lane of which gets values of its own.
template <int W, class T, class F>
auto by_packs(const std::vector<T>& x, F f) {
  using result = fx::scalar_of<decltype(f(fx::pack<T, W>(T(0))))>;
  std::vector<result> r;
  for (std::size_t i = 0; i < x.size(); i += W) {
    fx::pack<T, W> p(x[i]);
    for (int l = 0; l < W && i + l < x.size(); ++l) fx::packs::set_lane(p, l, x[i + l]);
    const auto q = f(p);
    for (int l = 0; l < W && i + l < x.size(); ++l) r.push_back(fx::packs::lane(q, l));
  }
  return r;
}
template <fx::dtype To, int W, class T>
int wrong_integers() {
  const std::vector<T> x = values<T>();
  const auto r = by_packs<W>(x, [](auto p) {
    return fx::math::to_integer<fx::compute_type_of<To>, fx::lowest_of(To), fx::highest_of(To)>(p);
  });
  int wrong = 0;
  for (std::size_t i = 0; i < x.size(); ++i) wrong += exact(r[i]) != expected(To, fx::dtype_of<T>, exact(x[i]));
  return wrong;
}
/// A number that is rounded to odd rounds on to f16 and bf16 as the number itself does.
template <int W, class T>
int wrong_halves() {
  const std::vector<T> x = values<T>();
  const auto r = by_packs<W>(x, [](auto p) { return fx::math::to_odd(p); });
  int wrong = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (const fx::dtype to : {fx::dtype::f16, fx::dtype::bf16})
      wrong += !same(nearest(to, exact(r[i])), nearest(to, exact(x[i])));
  return wrong;
}
template <int W, class T>
void check_width() {
  CAPTURE(W);
  if constexpr (std::is_floating_point_v<T>) {
    CHECK(wrong_integers<fx::dtype::u8, W, T>() == 0);
    CHECK(wrong_integers<fx::dtype::i8, W, T>() == 0);
    CHECK(wrong_integers<fx::dtype::i32, W, T>() == 0);
    CHECK(wrong_integers<fx::dtype::i64, W, T>() == 0);
  }
  if constexpr (!std::is_same_v<T, float>) CHECK(wrong_halves<W, T>() == 0);
}
}  // namespace

TEST_CASE_TEMPLATE("packs of every width convert alike", T, float, double, std::int32_t, std::int64_t) {
  check_width<4, T>();
  check_width<8, T>();
  check_width<16, T>();
  check_width<32, T>();
}

namespace {
constexpr auto constants = fx::compile<"constants">([](auto x) {
  const auto thousand = fx::extent<0>(x).as_value();                               // 1000, a constant of the graph
  const auto large = fx::cast<double>(thousand) * thousand * thousand * thousand;  // 10^12
  const auto f = [](auto y) { return fx::expand(fx::reshape(y, fx::size<1>), fx::size<2>); };
  return fx::outputs(f(fx::cast<std::uint8_t>(thousand)), f(fx::cast<std::int8_t>(thousand)),
                     f(fx::cast<std::uint8_t>(fx::cast<float>(thousand))),
                     f(fx::cast<std::int8_t>(-fx::cast<float>(thousand))), f(fx::cast<std::int32_t>(large)),
                     f(fx::cast<std::int32_t>(-large)), f(fx::cast<float>(fx::cast<fx::bf16>(thousand))),
                     f(fx::cast<bool>(thousand)));
});
}  // namespace

TEST_CASE("constants are cast as values are") {
  const fx::tensor<float, fx::extents<1000>> x({1000});
  for (const fx::mode m : {fx::mode::fused, fx::mode::eager}) {
    machine::any_executor cpu(m);
    const auto [u8, i8, u8_of_float, i8_of_float, high, low, rounded, truth] = constants(cpu, x);
    CHECK(u8[1] == 1000 % 256);
    CHECK(i8[1] == 1000 - 4 * 256);
    CHECK(u8_of_float[1] == 255);
    CHECK(i8_of_float[1] == -128);
    CHECK(high[1] == std::numeric_limits<std::int32_t>::max());
    CHECK(low[1] == std::numeric_limits<std::int32_t>::min());
    CHECK(rounded[1] == 1000);
    CHECK(truth[1]);
  }
}

// SPDX-License-Identifier: Apache-2.0
// What a graphed function has from outside without being given it: frozen at the first call, and found out where
// graph_options::check_captures asks for it.
#include <memory>

#include "support/stage.hpp"

using namespace stage;

namespace {

constexpr auto scaled = fx::compile<"scaled">([](auto x, auto by) { return x * by; });
constexpr auto next = fx::compile<"next">([](auto x) {
  auto y = x * 2.f;
  return fx::outputs(y, y < 100.f);
});
using one = tensor<float, 1>;

fx::graph_options checked() {
  fx::graph_options options;
  options.check_captures = true;
  return options;
}
fx::graph_options unchecked() {
  fx::graph_options options;
  options.check_captures = false;
  return options;
}
template <class Step, class X>
void refuse(Step& step, const X& x, const char* first = "at 'scaled'") {
  for (int i = 0; i < 3; ++i) {  // for as long as it is so
    const auto said = refused([&] { step(x); });
    CHECK(said.category == fx::error_category::capture);
    CHECK_SAYS(said, "the function issues other work than was captured, first at '");
    CHECK_SAYS(said, first);
    CHECK_SAYS(said, "pass it as an argument");
  }
}

}  // namespace

TEST_CASE("a number that the function captures by reference") {
  bench<> b;
  const auto x = b.put(one({1}, {3}));
  float rate = 2;
  auto f = [&](auto& e, const auto& v) { return scaled(e, v, rate); };
  SUBCASE("is frozen") {
    fx::graphed step(b.e, f, unchecked());
    CHECK(b.get(step(x))[0] == 6);
    rate = 10;
    CHECK(b.get(step(x))[0] == 6);
    step.clear();
    CHECK(b.get(step(x))[0] == 30);
  }
  SUBCASE("is found to have changed") {
    fx::graphed step(b.e, f, checked());
    CHECK(b.get(step(x))[0] == 6);
    rate = 10;
    refuse(step, x);
    rate = 2;
    CHECK(b.get(step(x))[0] == 6);
    rate = 10;
    step.clear();
    CHECK(b.get(step(x))[0] == 30);
  }
  SUBCASE("follows as an argument") {
    fx::graphed step(
        b.e, [](auto& e, const auto& v, const auto& by) { return scaled(e, v, by); }, checked());
    CHECK(b.get(step(x, rate))[0] == 6);
    rate = 10;
    CHECK(b.get(step(x, rate))[0] == 30);
    CHECK(step.counts().captures == 1);
  }
}
TEST_CASE("a tensor that the function captures by reference") {
  bench<> b;
  const auto x = b.put(one({1}, {3}));
  auto w = std::make_unique<one>(b.put(one({1}, {1})));
  auto replace = [&] { return std::exchange(w, std::make_unique<one>(b.put(one({1}, {100})))); };
  auto f = [&](auto& e, const auto& v) { return scaled(e, v, *w); };
  SUBCASE("is found to be another") {
    fx::graphed step(b.e, f, checked());
    CHECK(b.get(step(x))[0] == 3);
    const auto old = replace();
    refuse(step, x);
    step.clear();
    CHECK(b.get(step(x))[0] == 300);
  }
  SUBCASE("follows as an argument") {
    fx::graphed step(
        b.e, [](auto& e, const auto& v, const auto& by) { return scaled(e, v, by); }, checked());
    CHECK(b.get(step(x, *w))[0] == 3);
    const auto old = replace();
    CHECK(b.get(step(x, *w))[0] == 300);
  }
}
TEST_CASE("a function that issues more or less work than before") {
  bench<> b;
  const auto x = b.put(one({1}, {3}));
  int times = 1;
  fx::graphed step(
      b.e,
      [&](auto& e, const auto& v) {
        auto y = scaled(e, v, 2.f);
        for (int i = 1; i < times; ++i) y = scaled(e, y, 2.f);
        return y;
      },
      checked());
  CHECK(b.get(step(x))[0] == 6);
  times = 2;
  refuse(step, x, "at '");  // a call more, or memory for it
  times = 1;
  CHECK(b.get(step(x))[0] == 6);
}
TEST_CASE("a graphed function within another one") {
  bench<> b;
  const auto x = b.put(one({1}, {3}));
  float rate = 2;
  fx::graphed inner(
      b.e, [&](auto& e, const auto& v) { return scaled(e, v, rate); }, checked());
  fx::graphed outer(
      b.e, [&](auto& e, const auto& v) { return scaled(e, inner(v).view(), 1.f); }, checked());
  CHECK(b.get(outer(x))[0] == 6);
  CHECK(b.get(outer(x))[0] == 6);
  rate = 10;
  refuse(outer, x);
}
TEST_CASE("captures that stay what they are, with loops, splits and other arguments") {
  bench<> b;
  const auto weight = b.put(one({1}, {3}));
  const auto going = b.raised();
  int split = 0;
  fx::graphed step(
      b.e,
      [&](auto& e, const auto& x, const auto& state, const auto& by) {
        auto y = scaled(e, x, weight);
        fx::while_loop(e, going.view(), 3, [&](auto& inside) { next(inside, fx::out(state, going), state); });
        fx::uncaptured(
            e, [&](auto&, auto) { ++split; }, by);
        return scaled(e, y, by);
      },
      checked());
  for (int i = 0; i < 20; ++i) {
    const auto x = b.put(one({1}, {float(i)})), state = b.put(one({1}, {1}));
    CHECK(b.get(step(x, state, float(i)))[0] == float(3 * i * i));
    CHECK(b.get(state)[0] == 8);
  }
  CHECK(step.counts().captures == 1);
  CHECK(split == 20);
}
TEST_CASE("a function without captures is not run again") {
  bench<> b;
  static int runs;
  runs = 0;
  const auto x = b.put(one({1}, {3}));
  fx::graphed step(
      b.e, [](auto& e, const auto& v) { return ++runs, scaled(e, v, 2.f); }, checked());
  step(x);
  const int captured = runs;
  for (int i = 0; i < 5; ++i) step(x);
  CHECK(runs == captured);
}

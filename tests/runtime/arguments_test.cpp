// SPDX-License-Identifier: Apache-2.0
// Arguments of captured calls: every address and scalar of a replay is the one it was called with, wherever in the
// graph it is used, and what cannot be rebound has a graph of its own.
#include "support/stage.hpp"

using namespace stage;

namespace {

constexpr auto scale_add = fx::compile<"scale_add">([](auto x, auto y, auto a) { return x * a + y; });
constexpr auto add = fx::compile<"add">([](auto x, auto y) { return x + y; });
constexpr auto apart = fx::compile<"apart">([](auto x, auto y, auto a) { return fx::outputs(x * a, y + a); });
constexpr auto joined = fx::compile<"joined">([](auto x, auto y) { return fx::concat<0>(x, y); });
constexpr auto normalise = fx::compile<"normalise">([](auto x) { return x / (fx::sum(x, fx::row) + 1.f); });

/// What a graphed function gives is what it gives when it runs itself.
struct expectation {
  bench<> b;
  template <class F, class Step, class... A>
  void agree(const F& f, Step& step, const A&... a) {
    const auto want = b.get(f(b.e, a...)), got = b.get(step(a...));
    CHECK(same(got, want));
  }
};

}  // namespace

TEST_CASE("tensors and scalars are rebound at every place where they are used") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p, const auto& q, auto a) {
    const auto h = scale_add(e, p, q, a);
    const auto n = normalise(e, h);
    return scale_add(e, n, p, a);
  };
  fx::graphed step(b.e, f);
  const auto p = b.made<matrix>({5, 16}), q = b.made<matrix>({5, 16}, 7), r = b.made<matrix>({5, 16}, 20);
  x.agree(f, step, p, q, 2.f);
  x.agree(f, step, p, q, 3.f);
  x.agree(f, step, q, p, 3.f);
  x.agree(f, step, r, q, -1.f);
  x.agree(f, step, p, q, 2.f);
  const auto c = step.counts();
  CHECK(c.captures == 1);
  CHECK(c.replays == 5);
  CHECK(c.rebinds == 1 + 2 + 3 + 2);  // what differs from the call before
  CHECK(c.pinned == 0);
  CHECK(c.fallbacks == 0);
  REQUIRE(step.graphs().size() == 1);
  CHECK(step.graphs()[0].nodes.size() == 3);
  CHECK(step.graphs()[0].nodes[1].name == "normalise");
}

TEST_CASE("parts of one launch are rebound, each to its own") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p, const auto& q, auto a) {
    auto [first, second] = apart(e, p, q, a);
    return joined(e, first, second);
  };
  fx::graphed step(b.e, f);
  const auto p = b.made<vector>({9}), q = b.made<vector>({300}, 30), r = b.made<vector>({300}, 50);
  x.agree(f, step, p, q, 2.f);
  x.agree(f, step, p, r, 2.f);
  x.agree(f, step, p, q, 3.f);
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().pinned == 0);
  REQUIRE(step.graphs().size() == 1);
  CHECK(step.graphs()[0].nodes.size() == 2);
  const auto none = b.made<vector>({0});
  x.agree(f, step, none, q, 3.f);
  x.agree(f, step, none, r, -1.f);
  x.agree(f, step, p, none, -1.f);
  CHECK(step.counts().captures == 3);
  CHECK(step.counts().pinned == 0);
}

TEST_CASE("one tensor for several arguments is another graph than several tensors") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p, const auto& q) { return add(e, p, q); };
  fx::graphed step(b.e, f);
  const auto p = b.made<vector>({9}), q = b.made<vector>({9}, 30), r = b.made<vector>({9}, 50);
  x.agree(f, step, p, q);
  x.agree(f, step, p, p);
  x.agree(f, step, r, r);
  x.agree(f, step, r, p);
  CHECK(step.counts().captures == 2);
  CHECK(step.size() == 2);
}

TEST_CASE("a tensor and its view have one graph") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p) { return add(e, p, p); };
  fx::graphed step(b.e, f);
  const auto p = b.made<vector>({9}), q = b.made<vector>({9}, 30);
  x.agree(f, step, p);
  x.agree(f, step, q.view());
  CHECK(step.counts().captures == 1);
}

TEST_CASE("views with strides: columns, every other element, backwards") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p, const auto& q) { return add(e, p, q); };
  fx::graphed step(b.e, f);
  const auto p = b.made<matrix>({6, 8}), q = b.made<matrix>({6, 8}, 11);
  for (const matrix* m : {&p, &q, &p}) {
    const strided_view<float, 1> column(m->data() + 2, {6}, {8}), backwards(m->data() + 47, {6}, {-8}),
        odd(q.data() + 1, {6}, {2});
    x.agree(f, step, column, odd);
    x.agree(f, step, backwards, odd);
  }
  CHECK(step.counts().pinned == 0);
  // In p the column and `odd` are memory apart, in q they share it; a backward view has other strides.
  CHECK(step.counts().captures == 4);
}

TEST_CASE("views into one piece of memory move together, or have another graph") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p, const auto& q) { return add(e, p, q); };
  fx::graphed step(b.e, f);
  const auto p = b.made<vector>({256}), q = b.made<vector>({256}, 3), r = b.made<vector>({256}, 8);
  using view = fx::view<float, fx::extents<dyn>>;
  auto both = [&](const vector& m, fx::index shift) {
    x.agree(f, step, view(m.data(), {100}), view(m.data() + shift, {100}));
  };
  both(p, 16);
  both(q, 16);
  CHECK(step.counts().captures == 1);
  both(p, 32);  // shares memory in another way
  both(r, 32);
  CHECK(step.counts().captures == 2);
  both(p, 112);  // apart
  x.agree(f, step, view(p.data(), {100}), view(q.data(), {100}));
  x.agree(f, step, view(r.data(), {100}), view(q.data() + 64, {100}));
  CHECK(step.counts().captures == 3);
}

TEST_CASE("outputs of the caller, in other memory at every call, and in place") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& out, const auto& p, const auto& q) { add(e, out, p, q); });
  const auto p = b.made<vector>({40}), q = b.made<vector>({40}, 9);
  const auto want = b.get(add(b.e, p, q));
  const auto y = b.made<vector>({40}), z = b.made<vector>({40}, 1);
  for (const vector* o : {&y, &z, &y}) {
    step(fx::out(*o), p, q);
    CHECK(same(b.get(*o), want));
  }
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().bytes == 0);
  step(fx::out(p), p, q);
  CHECK(same(b.get(p), want));
  CHECK(step.counts().captures == 2);
}

namespace {
template <template <class, class> class Tensor>
struct scaling {
  using row = Tensor<float, fx::extents<dyn>>;
  BOOST_HANA_DEFINE_STRUCT(scaling, (row, weight), (row, bias));
};
constexpr auto affine = fx::compile<"affine">([](auto x, auto s) { return x * s.weight + s.bias; });
}  // namespace

TEST_CASE("structs of tensors, rebound or static") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p, const auto& s) { return affine(e, affine(e, p, s), s); };
  fx::graphed step(b.e, f);
  const auto p = b.made<matrix>({3, 8}), q = b.made<matrix>({3, 8}, 4);
  const auto w0 = b.made<vector>({8}), w1 = b.made<vector>({8}, 2), w2 = b.made<vector>({8}, 6);
  using storage = scaling<fx::storage>;
  x.agree(f, step, p, storage{w0, w1});
  x.agree(f, step, q, storage{w2, w0});
  x.agree(f, step, p, storage{w1, w2});
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().rebinds == 3 + 3);

  fx::graphed fixed_weights(b.e, f);
  const storage s{w0, w1};
  for (const matrix* m : {&p, &q}) CHECK(same(b.get(fixed_weights(*m, fx::static_input(s))), b.get(f(b.e, *m, s))));
  CHECK(fixed_weights.counts().captures == 1);
  CHECK(fixed_weights.counts().rebinds == 1);
}

TEST_CASE("static inputs that moved are refused, and the call before still works") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& p, const auto& w) { return add(e, p, w); });
  const auto p = b.made<vector>({12}), w = b.made<vector>({12}, 5), moved = b.made<vector>({12}, 6);
  const auto want = b.get(add(b.e, p, w));
  CHECK(same(b.get(step(p, fx::static_input(w))), want));
  const auto said = refused([&] { step(p, fx::static_input(moved)); });
  CHECK(said.category == fx::error_category::argument);
  CHECK_SAYS(said, "fuse::graphed: tensor 0 of the static inputs has moved");
  CHECK_SAYS(said, "clear()");
  CHECK(same(b.get(step(p, fx::static_input(w))), want));
  step.clear();
  CHECK(same(b.get(step(p, fx::static_input(moved))), b.get(add(b.e, p, moved))));
}

namespace {
constexpr auto times = fx::compile<"times">([](auto x, auto a) { return x * a; });
constexpr auto choose = fx::compile<"choose">([](auto x, auto yes) { return fx::where(yes, x, -x); });

template <class T>
void check_scalar(std::initializer_list<T> scalars) {
  expectation x;
  auto f = [](auto& e, const auto& p, auto a) { return times(e, times(e, p, a), a); };
  fx::graphed step(x.b.e, f);
  const auto p = x.b.template made<tensor<T, dyn>>({21});
  for (T a : scalars) x.agree(f, step, p, a);
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().pinned == 0);
}
}  // namespace

TEST_CASE("scalars of every type") {
  check_scalar<float>({0.f, -2.5f, 3e30f});
  check_scalar<double>({1.0, -0.5, 1e300});
  check_scalar<std::int8_t>({1, -2, 3});
  check_scalar<std::uint8_t>({1, 2, 3});
  check_scalar<std::int32_t>({1, -2, 3});
  check_scalar<std::int64_t>({1, -2, 3});
  expectation x;
  auto f = [](auto& e, const auto& p, auto yes) { return choose(e, p, yes); };
  fx::graphed step(x.b.e, f);
  const auto p = x.b.made<vector>({21});
  for (bool yes : {true, false, true}) x.agree(f, step, p, yes);
  CHECK(step.counts().captures == 1);
}

TEST_CASE("scalars that look like addresses of a capture are scalars") {
  // Words between shadow::first and shadow::last stand for addresses while a call is captured.
  expectation x;
  auto f = [](auto& e, const auto& p, auto a) { return times(e, p, a); };
  fx::graphed step(x.b.e, f);
  const auto p = x.b.made<tensor<std::int64_t, dyn>>({5});
  const auto inside = std::int64_t(fx::shadow::start(1));
  for (std::int64_t a : {inside, std::int64_t(3), inside + 8, std::int64_t(fx::shadow::start(0))})
    x.agree(f, step, p, a);
  CHECK(step.counts().captures == 1);
}

TEST_CASE("a fixed value may decide what is issued: each has a graph") {
  expectation x;
  bench<>& b = x.b;
  fx::graphed step(b.e, [](auto& e, const auto& p, int rounds) {
    auto y = add(e, p, p);
    for (int i = 1; i < rounds; ++i) y = add(e, y, p);
    return y;
  });
  const auto p = b.made<vector>({7});
  for (int rounds : {1, 4, 2, 4, 1}) {
    const auto got = b.get(step(p, fx::fixed(rounds))), in = b.get(p);
    for (int i = 0; i < 7; ++i) CHECK(got[i] == in[i] * float(rounds + 1));
  }
  CHECK(step.counts().captures == 3);
  CHECK(step.counts().replays == 5);
}

TEST_CASE("memory that is aligned otherwise has another graph") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p) { return normalise(e, p); };
  fx::graphed step(b.e, f);
  const auto memory = b.made<vector>({512}), other = b.made<vector>({512}, 17);
  using view = fx::view<float, fx::extents<dyn, dyn>>;
  for (const vector* m : {&memory, &other})
    for (fx::index offset : {0, 1, 2, 4, 1}) x.agree(f, step, view(m->data() + offset, {4, 64}));
  // 4 floats are 16 bytes: what a kernel for a device needs, and not what one for the host prefers.
  CHECK(step.counts().captures == (is_device ? 3 : 4));
}

TEST_CASE("empty tensors") {
  expectation x;
  bench<>& b = x.b;
  auto f = [](auto& e, const auto& p) { return normalise(e, p); };
  fx::graphed step(b.e, f);
  const auto none = b.made<matrix>({0, 8}), some = b.made<matrix>({2, 8});
  x.agree(f, step, none);
  x.agree(f, step, some);
  // Past the end of memory there is nothing to read.
  x.agree(f, step, fx::view<float, fx::extents<dyn, dyn>>(some.data() + some.size(), {0, 8}));
  x.agree(f, step, fx::view<float, fx::extents<dyn, dyn>>(nullptr, {0, 8}));
  CHECK(b.get(step(b.made<matrix>({3, 0}))).size() == 0);
}

TEST_CASE("null pointers are refused in the first call and in replays") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& p) { return add(e, p, p); });
  using view = fx::view<float, fx::extents<6>>;
  const auto p = b.made<tensor<float, 6>>({6});
  for (int round = 0; round < 2; ++round) {
    const auto said = refused([&] { step(view(nullptr)); });
    CHECK(said.category == fx::error_category::argument);
    CHECK_SAYS(said, "fuse::add: argument 0: the pointer is null");
    CHECK(same(b.get(step(p)), b.get(add(b.e, p, p))));
  }
}

TEST_CASE("results: one tensor, several, none, parts of arguments") {
  bench<> b;
  const auto p = b.made<vector>({16}), q = b.made<vector>({16}, 5);
  SUBCASE("several") {
    fx::graphed step(b.e, [](auto& e, const auto& x, const auto& y) {
      auto s = add(e, x, y);
      auto t = add(e, s, y);
      return std::tuple(std::move(s), std::move(t));
    });
    for (int round = 0; round < 2; ++round) {
      const auto [s, t] = round == 0 ? step(p, q) : step(q, p);
      const vector& y = round == 0 ? q : p;
      CHECK(same(b.get(s), b.get(add(b.e, p, q))));
      CHECK(same(b.get(t), b.get(add(b.e, add(b.e, p, q), y))));
    }
  }
  SUBCASE("a view of an argument") {
    fx::graphed step(b.e, [](auto& e, const auto& x, const auto& y) {
      add(e, fx::out(x), x, y);
      return x;
    });
    CHECK(step(p, q).view().data() == p.data());
    const auto r = step(q, p);
    CHECK(r.view().data() == q.data());
    step(p, q);
    CHECK(r.view().data() == q.data());  // memory of the caller is not overwritten by the next replay
  }
  SUBCASE("memory of the graph, overwritten by the next replay") {
    fx::graphed step(b.e, [](auto& e, const auto& x) { return add(e, x, x); });
    const auto first = step(p);
    CHECK(same(b.get(first), b.get(add(b.e, p, p))));
    const auto second = step(q);
    const auto said = refused([&] { first.view(); });
    CHECK(said.category == fx::error_category::argument);
    CHECK_SAYS(said, "this result has been overwritten: it is of replay 1, and replay 2");
    CHECK_SAYS(said, "fuse::out");
    CHECK(same(b.get(second), b.get(add(b.e, q, q))));
  }
  SUBCASE("a result outlives the graphed function") {
    auto f = [](auto& e, const auto& x) { return add(e, x, x); };
    auto step = std::make_unique<fx::graphed<decltype(b.e), decltype(f)>>(b.e, f);
    const auto result = (*step)(p);
    step.reset();
    CHECK(same(b.get(result), b.get(add(b.e, p, p))));
  }
  SUBCASE("a tensor that is kept without being returned is refused") {
    std::vector<vector> kept;
    fx::graphed step(b.e, [&](auto& e, const auto& x) { kept.push_back(add(e, x, x)); });
    const auto said = refused([&] { step(p); });
    CHECK(said.category == fx::error_category::capture);
    CHECK_SAYS(said, "outlives it without being returned");
  }
}

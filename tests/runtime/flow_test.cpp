// SPDX-License-Identifier: Apache-2.0
// Calls that are more than a row of kernels: graphs in graphs, calls between graphs, loops that the device decides.
#include "support/stage.hpp"

using namespace stage;
using category = fx::error_category;

namespace {

constexpr auto add = fx::compile<"add">([](auto x, auto y) { return x + y; });
constexpr auto scale = fx::compile<"scale">([](auto x, auto a) { return x * a; });
/// Adds to every element, and says whether to go on.
constexpr auto advance = fx::compile<"advance">([](auto x, auto by, auto limit) {
  auto y = x + by;
  return fx::outputs(y, fx::max(y, fx::row) < limit);
});

/// Names of the nodes of the graph that was launched last, kinds in brackets, depth as dots.
template <class Step>
std::string shape_of(const Step& step) {
  std::string s;
  for (const auto& g : step.graphs()) {
    if (!g.latest) continue;
    for (const auto& n : g.nodes) {
      s.append(std::size_t(n.depth), '.').append(n.name);
      if (std::string(n.kind) != "kernel") s.append("[").append(n.kind).append("]");
      s.append(" ");
    }
  }
  return s;
}
template <class Step>
int pieces_of(const Step& step) {
  int last = 0;
  for (const auto& g : step.graphs())
    if (g.latest)
      for (const auto& n : g.nodes) last = std::max(last, n.piece);
  return last + 1;
}

}  // namespace

TEST_CASE("a layer captured once is part of the graph at every place where it is called") {
  bench<> b;
  auto layer = [](auto& e, const auto& x, const auto& w, auto a) { return scale(e, add(e, x, w), a); };
  fx::graphed inner(b.e, layer);
  fx::graph_options options;
  options.check_captures = false;  // each would capture the model again
  fx::graphed model(
      b.e,
      [&](auto&, const auto& x, const auto& w0, const auto& w1, const auto& w2, auto a) {
        const auto h0 = inner(x, w0, a);
        const auto h1 = inner(h0.view(), w1, a);
        return inner(h1.view(), w2, a);
      },
      options);
  auto direct = [&](const auto& x, const auto& w0, const auto& w1, const auto& w2, float a) {
    return b.get(layer(b.e, layer(b.e, layer(b.e, x, w0, a), w1, a), w2, a));
  };
  const auto x = b.made<vector>({24}), w0 = b.made<vector>({24}, 1), w1 = b.made<vector>({24}, 2),
             w2 = b.made<vector>({24}, 3);
  CHECK(same(b.get(model(x, w0, w1, w2, 2.f)), direct(x, w0, w1, w2, 2.f)));
  CHECK(same(b.get(model(w2, w1, w0, x, 3.f)), direct(w2, w1, w0, x, 3.f)));
  CHECK(same(b.get(model(x, w1, w2, w0, -1.f)), direct(x, w1, w2, w0, -1.f)));
  CHECK(model.counts().captures == 1);
  CHECK(model.counts().pinned == 0);
  CHECK(inner.counts().captures == 1);  // for three layers, each in two captures of the model
  CHECK(inner.counts().nested == 6);
  CHECK(inner.counts().replays == 0);
  if constexpr (is_device)
    CHECK(shape_of(model) ==
          "child graph[child graph] .add .scale child graph[child graph] .add .scale "
          "child graph[child graph] .add .scale ");
  else
    CHECK(shape_of(model) == "add scale add scale add scale ");
  SUBCASE("and works by itself") {
    CHECK(same(b.get(inner(x, w0, 5.f)), b.get(layer(b.e, x, w0, 5.f))));
    CHECK(inner.counts().replays == 1);
  }
  SUBCASE("other shapes have layers of their own") {
    const auto y = b.made<vector>({5}), v = b.made<vector>({5}, 4);
    CHECK(same(b.get(model(y, v, v, v, 2.f)), direct(y, v, v, v, 2.f)));
    CHECK(inner.counts().captures == 2);
  }
}

TEST_CASE("graphs in graphs in graphs") {
  bench<> b;
  fx::graphed low(b.e, [](auto& e, const auto& x) { return add(e, x, x); });
  fx::graphed middle(b.e, [&](auto& e, const auto& x) {
    const auto y = low(x);
    return add(e, low(y.view()).view(), x);
  });
  fx::graphed high(b.e, [&](auto&, const auto& x) {
    const auto y = middle(x);
    return middle(y.view());
  });
  for (int from : {0, 9, 3}) {
    const auto x = b.made<vector>({11}, from);
    const auto got = b.get(high(x)), in = b.get(x);
    for (int i = 0; i < 11; ++i) CHECK(got[i] == 25 * in[i]);
  }
  CHECK(high.counts().captures == 1);
  CHECK(low.counts().captures == 1);
}

TEST_CASE("static inputs of a nested call") {
  bench<> b;
  fx::graphed inner(b.e, [](auto& e, const auto& x, const auto& w) { return add(e, x, w); });
  const auto w = b.made<vector>({6}, 3);
  fx::graphed outer(b.e, [&](auto& e, const auto& x) { return add(e, inner(x, fx::static_input(w)).view(), x); });
  for (int from : {0, 5}) {
    const auto x = b.made<vector>({6}, from);
    CHECK(same(b.get(outer(x)), b.get(add(b.e, add(b.e, x, w), x))));
  }
}

TEST_CASE("a call that no graph can hold splits the graph") {
  bench<> b;
  int calls = 0;
  float seen = 0;
  fx::graphed step(b.e, [&](auto& e, const auto& x, auto a) {
    const auto h = scale(e, x, a);
    fx::uncaptured(
        e,
        [&](auto& ex, const auto& v) {
          ++calls;
          seen = ex.fetch(v.data() + 1);
          const auto own = ex.template empty<float, fx::extents<dyn>>({4});  // it may allocate
        },
        h.view());
    const auto y = add(e, h, x);
    fx::uncaptured(e, [&](auto& ex) { ex.synchronize(); });
    return add(e, y, h);
  });
  const auto x = b.made<vector>({9}, 1), z = b.made<vector>({9}, 4);
  int expected = 0;
  for (const auto& [in, a] : {std::pair(&x, 2.f), std::pair(&z, 2.f), std::pair(&z, -3.f), std::pair(&x, 2.f)}) {
    const auto got = b.get(step(*in, a)), host = b.get(*in);
    for (int i = 0; i < 9; ++i) CHECK(got[i] == host[i] * (2 * a + 1));
    CHECK(seen == host[1] * a);
    CHECK(calls == ++expected);  // never during a capture
  }
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().pinned == 0);
  CHECK(pieces_of(step) == 5);
  CHECK(shape_of(step) == "scale call[call] add call[call] add ");
}

TEST_CASE("a call between graphs that throws: the error is its own, and the next call works") {
  bench<> b;
  bool fails = false;
  fx::graphed step(b.e, [&](auto& e, const auto& x) {
    auto h = add(e, x, x);
    fx::uncaptured(e, [&](auto&) {
      if (fails) throw std::runtime_error("of the call");
    });
    return add(e, h, x);
  });
  const auto x = b.made<vector>({9}), y = b.made<vector>({9}, 2);
  const auto before = step(x);
  fails = true;
  CHECK_THROWS_WITH_AS(step(y), "of the call", std::runtime_error);
  CHECK_SAYS(refused([&] { before.view(); }), "overwritten");  // by the first graph of the call that failed
  fails = false;
  CHECK(same(b.get(step(y)), b.get(add(b.e, add(b.e, y, y), y))));
  CHECK(step.counts().captures == 1);
}

TEST_CASE("uncaptured outside of a graph is a call") {
  bench<> b;
  int calls = 0;
  fx::uncaptured(
      b.e, [&](auto&, int n) { calls += n; }, 3);
  CHECK(calls == 3);
}

TEST_CASE("while_loop runs as often as the flag says, and `most` times at most") {
  bench<> b;
  fx::graphed run(b.e, [](auto& e, const auto& x, const auto& going, auto by, auto limit) {
    fx::while_loop(e, going, 6, [&](auto& ex) {
      const auto h = scale(ex, x, 1.f);
      advance(ex, fx::out(x, going), h, by, limit);
    });
    return scale(e, x, 10.f);
  });
  struct {
    bool begins;
    float by, limit, want;
    bool going_after;
  } const cases[] = {{false, 1, 100, 0, false}, {true, 1, 0.5f, 1, false}, {true, 1, 4, 4, false},
                     {true, 2, 4, 4, false},    {true, 1, 100, 6, true},   {true, 1, 6, 6, false}};
  for (const auto& c : cases) {
    const auto x = b.put(vector({1}, {0.f}));
    const auto going = b.raised(c.begins);
    const auto got = b.get(run(x, going, c.by, c.limit));
    CHECK(b.get(x)[0] == c.want);
    CHECK(got[0] == 10 * c.want);
    CHECK(b.get(going)[0] == c.going_after);
  }
  CHECK(run.counts().captures == 1);
  CHECK(run.counts().pinned == 0);
  CHECK(shape_of(run).find("while") != std::string::npos);
}

TEST_CASE("while_loop: nothing, once, and outside of a graph") {
  bench<> b;
  auto body = [](auto& e, const auto& x, const auto& going, fx::index most) {
    fx::while_loop(e, going, most, [&](auto& ex) { advance(ex, fx::out(x, going), x, 1.f, 50.f); });
  };
  for (fx::index most : {0, 1, 3}) {
    const auto x = b.put(vector({1}, {0.f}));
    const auto going = b.raised();
    body(b.e, x.view(), going.view(), most);
    CHECK(b.get(x)[0] == float(most));
    fx::graphed step(b.e, [&](auto& e, const auto& p, const auto& g) { body(e, p, g, most); });
    step(x, going);
    CHECK(b.get(x)[0] == float(2 * most));
  }
}

TEST_CASE("loops in loops, and graphs in loops") {
  bench<> b;
  fx::graphed layer(b.e, [](auto& e, const auto& x) { return scale(e, x, 1.f); });
  fx::graphed step(b.e, [&](auto& e, const auto& x, const auto& outer, const auto& inner) {
    fx::while_loop(e, outer, 3, [&](auto& ex) {
      fx::while_loop(ex, inner, 2, [&](auto& again) {
        const auto h = layer(x);
        advance(again, fx::out(x, inner), h.view(), 1.f, 1000.f);
      });
      advance(ex, fx::out(x, outer), x, 10.f, 1000.f);
    });
  });
  for (int round = 0; round < 2; ++round) {
    const auto x = b.put(vector({1}, {0.f}));
    const auto outer = b.raised(), inner = b.raised();
    step(x, outer, inner);
    CHECK(b.get(x)[0] == 3 * (2 + 10));
  }
  CHECK(step.counts().captures == 1);
}

TEST_CASE("a call cannot be made inside a loop") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& x, const auto& going) {
    fx::while_loop(e, going, 3, [&](auto& ex) {
      fx::uncaptured(ex, [](auto&) {});
      advance(ex, fx::out(x, going), x, 1.f, 50.f);
    });
  });
  const auto x = b.put(vector({1}, {0.f}));
  const auto going = b.raised();
  for (int round = 0; round < 2; ++round) {
    const auto said = refused([&] { step(x, going); });
    CHECK(said.category == category::capture);
    CHECK_SAYS(said, "fuse::uncaptured: inside fuse::while_loop");
  }
  CHECK(b.get(x)[0] == 0);
  CHECK(b.e.recording() == nullptr);
}

TEST_CASE("a loop's body that throws") {
  bench<> b;
  bool fails = true;
  fx::graphed step(b.e, [&](auto& e, const auto& x, const auto& going) {
    fx::while_loop(e, going, 3, [&](auto& ex) {
      advance(ex, fx::out(x, going), x, 1.f, 50.f);
      if (fails) throw std::runtime_error("of the body");
    });
  });
  const auto x = b.put(vector({1}, {0.f}));
  const auto going = b.raised();
  CHECK_THROWS_WITH_AS(step(x, going), "of the body", std::runtime_error);
  fails = false;
  step(x, going);
  CHECK(b.get(x)[0] == 3);
}

TEST_CASE("a fork works beside its parent, and a join waits for it") {
  bench<> b;
  own_stream second, third;
  auto f = [&](auto& e, const auto& x, const auto& y) {
    const auto h = add(e, x, y);
    auto one = fx::fork(e, second), two = fx::fork(e, third);
    const auto p = scale(one, h, 2.f), q = scale(two, h, 3.f), r = add(e, h, x);
    fx::join(e, one);
    fx::join(e, two);
    return add(e, add(e, p, q), r);
  };
  fx::graphed step(b.e, f);
  for (int from : {0, 7, 2}) {
    const auto x = b.made<vector>({30}, from), y = b.made<vector>({30}, from + 5);
    const auto got = b.get(step(x, y)), in = b.get(x), other = b.get(y);
    for (int i = 0; i < 30; ++i) CHECK(got[i] == 6 * (in[i] + other[i]) + in[i]);
  }
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().pinned == 0);
  REQUIRE(step.graphs().size() == 1);
  const auto g = step.graphs()[0];
  CHECK(g.nodes.size() == 6);
  if constexpr (is_device) {
    const auto after_first =
        std::count_if(g.edges.begin(), g.edges.end(), [](const auto& edge) { return edge.from == 0; });
    CHECK(after_first == 3);
    // Nothing that either side gives back before the join is used again until then.
    CHECK(g.bytes >= 4 * 256);
  }
}

TEST_CASE("a fork outside of a graph: memory of the branch lives for as long as the parent reads it") {
  bench<> b;
  own_stream second;
  fx::graph_options options;
  options.how = fx::mode::fused;
  fx::graphed step(
      b.e,
      [&](auto& e, const auto& x, const auto& y) {
        const auto h = add(e, x, y);
        auto branch = fx::fork(e, second);
        const auto p = scale(branch, scale(branch, h, 4.f), 0.5f), r = add(e, h, x);
        fx::join(e, branch);
        return add(e, p, r);
      },
      options);
  for (int from = 0; from < 5; ++from) {
    const auto x = b.made<vector>({300}, from), y = b.made<vector>({300}, from + 5);
    const auto result = step(x, y);
#if defined(__CUDACC__)
    const auto other = fx::cuda_executor<>(second).upload(vector({2}, {1, 2}));  // might be given the same memory
#endif
    const auto got = b.get(result), in = b.get(x), in_too = b.get(y);
    for (int i = 0; i < 300; ++i) CHECK(got[i] == 3 * (in[i] + in_too[i]) + in[i]);
  }
}

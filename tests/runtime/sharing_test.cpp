// SPDX-License-Identifier: Apache-2.0
// Memory that several parts of a call, or several calls, have in common: each case gives what the call itself would
// give, or is refused.
#include <fuse/runtime/trace.hpp>

#include "support/stage.hpp"

using namespace stage;
using category = fx::error_category;

namespace {

constexpr auto add = fx::compile<"add">([](auto x, auto y) { return x + y; });
constexpr auto twice = fx::compile<"twice">([](auto x) { return x * 2.f; });
constexpr auto sums = fx::compile<"sums">([](auto x) { return fx::sum(x, fx::row); });
constexpr auto count = fx::compile<"count">([](auto x, auto limit) {
  auto y = x + 1.f;
  return fx::outputs(y, y < limit);
});

/// Each element of the result is made of all elements of the row: no part of it may be written before all is read.
constexpr auto spread = fx::compile<"spread">([](auto x, auto w) { return fx::sum(x, fx::row) + w; });

}  // namespace

TEST_CASE("a result is an argument of the next call") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& x, const auto& w) { return spread(e, spread(e, x, w), w); });
  const auto x = b.made<matrix>({3, 40}), w = b.made<matrix>({3, 40}, 7);
  auto want = b.get(spread(b.e, spread(b.e, x, w), w));
  auto r = step(x, w);
  for (int round = 0; round < 4; ++round) {
    CHECK(same(b.get(r), want));
    const auto last = b.put(want);
    want = b.get(spread(b.e, spread(b.e, last, w), w));
    const auto next = step(r.view(), w);
    CHECK(same(b.get(r), b.get(last)));  // the argument is as it was
    r = next;
  }
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().bytes == 2 * step.graphs()[0].bytes);
  // Two results at once: a third piece of memory.
  const auto first = step(x, w), second = step(first.view(), w), third = step(first.view(), second.view());
  const auto one = b.get(first), two = b.get(second);
  CHECK(same(b.get(third), b.get(spread(b.e, spread(b.e, b.put(one), b.put(two)), b.put(two)))));
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().bytes == 3 * step.graphs()[0].bytes);
}

TEST_CASE("a result as an argument while memory is bounded") {
  bench<> b;
  fx::graph_options options;
  options.memory_limit = 3 * 256;
  fx::graphed step(
      b.e, [](auto& e, const auto& x) { return twice(e, twice(e, x)); }, options);
  const auto x = b.made<vector>({8});
  const auto r = step(x);
  CHECK(step.counts().bytes == 512);
  const auto said = refused([&] { step(r.view()); });
  CHECK(said.category == category::memory);
  CHECK_SAYS(said, "the graph needs 512 bytes beside 512 of others, graph_options::memory_limit is 768");
  CHECK(same(b.get(r), b.get(twice(b.e, twice(b.e, x)))));
  const auto longer = b.made<vector>({80});  // what grows is replaced: 1024 bytes are too many, with or without it
  CHECK_SAYS(refused([&] { step(longer); }), "the graph needs 1024 bytes, graph_options::memory_limit is 768");
}

TEST_CASE("graphs move to larger memory") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& x) { return twice(e, twice(e, x)); });
  for (fx::index n : {8, 80, 8, 800, 80, 8}) {
    const auto x = b.made<vector>({n}, int(n));
    CHECK(same(b.get(step(x)), b.get(twice(b.e, twice(b.e, x)))));
  }
  CHECK(step.counts().captures == 3);
  CHECK(step.counts().bytes == 6656);  // what the largest needs: 3200 bytes twice, in multiples of 256
}

TEST_CASE("a tensor cannot pass from one round of a loop to the next") {
  bench<> b;
  const auto x = b.put(vector({1}, {1.f}));
  SUBCASE("replaced") {
    fx::graphed step(b.e, [](auto& e, const auto& p, const auto& going) {
      auto h = twice(e, p);
      fx::while_loop(e, going, 3, [&](auto& ex) { h = add(ex, h, p); });
      return h;
    });
    for (int round = 0; round < 2; ++round) {
      const auto said = refused([&] { step(x, b.raised()); });
      CHECK(said.category == category::capture);
      CHECK_SAYS(said, "fuse::while_loop: the body replaces a tensor of outside");
    }
  }
  SUBCASE("given back and made anew") {
    fx::graphed step(b.e, [](auto& e, const auto& p, const auto& going) {
      auto h = twice(e, p);
      fx::while_loop(e, going, 3, [&](auto& ex) {
        h = {};
        h = twice(ex, p);
      });
      return h;
    });
    CHECK_SAYS(refused([&] { step(x, b.raised()); }), "fuse::while_loop:");
  }
  SUBCASE("kept") {
    fx::graphed step(b.e, [](auto& e, const auto& p, const auto& going) {
      std::vector<vector> all;
      fx::while_loop(e, going, 3, [&](auto& ex) { all.push_back(twice(ex, p)); });
      return twice(e, p);
    });
    CHECK_SAYS(refused([&] { step(x, b.raised()); }), "or keeps one of its own");
  }
  SUBCASE("written in place, it can") {
    fx::graphed step(b.e, [](auto& e, const auto& p, const auto& going) {
      auto h = twice(e, p);
      fx::while_loop(e, going, 3, [&](auto& ex) {
        const auto g = twice(ex, p);
        count(ex, fx::out(h, going), h, 100.f);
      });
      return h;
    });
    CHECK(b.get(step(x, b.raised()))[0] == 5);
  }
  CHECK(b.e.recording() == nullptr);
}

TEST_CASE("what an uncaptured call holds of the graphed call") {
  bench<> b;
  float seen = 0;
  const auto x = b.made<vector>({4}, 3), y = b.made<vector>({4}, 30);
  SUBCASE("views and scalars by value are those of the call at hand") {
    fx::graphed step(b.e, [&seen](auto& e, const auto& p) {
      const auto h = twice(e, p);
      fx::uncaptured(e, [out = &seen, v = h.view()](auto& ex) { *out = ex.fetch(v.data() + 1); });
      return twice(e, h);
    });
    for (const auto* from : {&x, &y, &x}) {
      const auto got = b.get(step(*from)), in = b.get(*from);
      CHECK(seen == 2 * in[1]);
      CHECK(got[3] == 4 * in[3]);
    }
    CHECK(step.counts().captures == 1);
  }
  SUBCASE("a view beside what cannot be copied as bytes cannot be rebound") {
    fx::graphed step(b.e, [&](auto& e, const auto& p) {
      const std::string name = "a name that is too long to be stored in place";
      fx::uncaptured(e, [&seen, name, p](auto& ex) { seen = ex.fetch(p.data()) + float(name.size()); });
    });
    if constexpr (is_device) {  // a graph for each view
      for (const auto* from : {&x, &y, &x}) {
        step(*from);
        CHECK(seen == b.get(*from)[0] + 45);
      }
      CHECK(step.counts().pinned == 2);
    } else {
      for (int round = 0; round < 2; ++round) {
        const auto said = refused([&] { step(x); });
        CHECK(said.category == category::capture);
        CHECK_SAYS(said, "fuse::uncaptured: the function captures a view of the graphed call");
        CHECK_SAYS(said, "pass it as an argument");
      }
    }
  }
}

TEST_CASE("a split reached through a graph within a loop is refused") {
  bench<> b;
  fx::graphed inner(b.e, [](auto& e, const auto& x) {
    const auto h = twice(e, x);
    fx::uncaptured(e, [](auto&) {});
    return twice(e, h);
  });
  fx::graphed outer(b.e, [&](auto& e, const auto& x, const auto& going) {
    fx::while_loop(e, going, 2, [&](auto& ex) {
      inner(x);
      count(ex, fx::out(x, going), x, 100.f);
    });
  });
  const auto x = b.put(vector({1}, {1.f}));
  const auto said = refused([&] { outer(x, b.raised()); });
  CHECK(said.category == category::capture);
  CHECK_SAYS(said, "fuse::uncaptured: inside fuse::while_loop");
  CHECK(b.get(x)[0] == 1);
}

TEST_CASE("what no call may write to") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& out, const auto& x, const auto& w) { add(e, out, x, w); });
  const auto memory = b.made<vector>({64});
  const auto x = b.made<vector>({16}, 5), y = b.made<vector>({16});
  using view = fx::view<float, fx::extents<dyn>>;
  const view w(memory.data() + 16, {16}), shifted(memory.data() + 20, {16}), beside(memory.data() + 32, {16});
  step(fx::out(y), x, fx::static_input(w));
  step(fx::out(beside), x, fx::static_input(w));
  CHECK(same(b.get(beside), b.get(add(b.e, x, w))));
  const auto before = b.get(memory);
  for (int round = 0; round < 2; ++round) {
    const auto said = refused([&] { step(fx::out(shifted), x, fx::static_input(w)); });
    CHECK(said.category == category::argument);
    CHECK_SAYS(said, "a tensor of fuse::out lies in a static input");
  }
  CHECK(same(b.get(memory), before));
  step.clear();
  CHECK_SAYS(refused([&] { step(fx::out(w), x, fx::static_input(w)); }), "lies in a static input");
}

TEST_CASE("static inputs of views may be kept in a list of arguments") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& x, const auto& w) { return add(e, x, w); });
  const auto x = b.made<vector>({6}), w = b.made<vector>({6}, 9);
  const auto call = std::tuple(x.view(), fx::static_input(w.view()));
  step.warm_up(call);
  CHECK(same(b.get(step(x, fx::static_input(w.view()))), b.get(add(b.e, x, w))));
}

TEST_CASE("results of padded calls") {
  bench<> b;
  fx::graph_options options;
  options.padding = fx::buckets::of({4, 8});
  const auto x = b.made<matrix>({3, 5}), w = b.made<matrix>({4, 5}, 11);
  SUBCASE("one that has as many rows as the bucket, and is not of the padded argument, stays whole") {
    fx::graphed step(
        b.e, [](auto& e, const auto& p, const auto& q) { return std::tuple(sums(e, p), sums(e, q)); }, options);
    for (int round = 0; round < 2; ++round) {
      const auto [s, t] = step(fx::padded(x), w);
      CHECK(same(b.get(s), b.get(sums(b.e, x))));
      CHECK(same(b.get(t), b.get(sums(b.e, w))));
    }
    CHECK(step.counts().captures == 1);
  }
  SUBCASE("a padded argument is not one") {
    fx::graphed step(
        b.e, [](auto&, const auto& p) { return p; }, options);
    for (const auto* from : {&x, &w})
      for (int round = 0; round < 2; ++round) {
        const auto said = refused([&] { step(fx::padded(*from)); });
        CHECK(said.category == category::argument);
        CHECK_SAYS(said, "the function returns a part of a padded argument");
      }
  }
  SUBCASE("the function cannot write to them") {
    fx::graphed step(
        b.e,
        [](auto& e, const auto& p) {
          static_assert(std::is_const_v<typename std::remove_cvref_t<decltype(p)>::element_type>);
          return sums(e, p);
        },
        options);
    CHECK(same(b.get(step(fx::padded(w))), b.get(sums(b.e, w))));
  }
  SUBCASE("a full bucket that lies elsewhere modulo the alignment is copied") {
    fx::graphed step(
        b.e, [](auto& e, const auto& p) { return sums(e, p); }, options);
    step.warm_up(std::tuple(fx::padded(w)));
    const auto memory = b.made<vector>({60}, 2);
    using view = fx::view<float, fx::extents<dyn, dyn>>;
    for (int at : {0, 1, 3}) {
      const view v(memory.data() + at, {4, 5});
      CHECK(same(b.get(step(fx::padded(v))), b.get(sums(b.e, v))));
    }
    CHECK(step.counts().captures == 1);
  }
}

TEST_CASE("memory that the function clears") {
  bench<> b;
  auto f = [](auto& e, const auto& x) {
    const auto h = twice(e, x);
    e.clear(reinterpret_cast<char*>(h.data()), 2 * sizeof(float));
    return twice(e, h);
  };
  fx::graphed step(b.e, f);
  for (int from : {1, 20, 3}) {
    const auto x = b.made<vector>({5}, from);
    CHECK(same(b.get(step(x)), b.get(f(b.e, x))));
  }
}

TEST_CASE("more calls to warm up than graphs are kept") {
  bench<> b;
  fx::graph_options options;
  options.capacity = 2;
  fx::graphed step(
      b.e, [](auto& e, const auto& x) { return twice(e, x); }, options);
  const auto x = b.made<vector>({3}), y = b.made<vector>({4}), z = b.made<vector>({5});
  const auto said = refused([&] { step.warm_up(std::tie(x), std::tie(y), std::tie(z)); });
  CHECK(said.category == category::argument);
  CHECK_SAYS(said, "3 calls to warm up beside 0 graphs, graph_options::capacity is 2");
  CHECK(step.counts().captures == 0);
}

TEST_CASE("a capture that fails costs no graph") {
  bench<> b;
  fx::graph_options options;
  options.capacity = 2;
  fx::graphed step(
      b.e,
      [](auto& e, const auto& x) {
        if (x.extent(0) == 5) throw std::runtime_error("of the function");
        return twice(e, x);
      },
      options);
  const auto x = b.made<vector>({3}), y = b.made<vector>({4}), z = b.made<vector>({5});
  step(x), step(y);
  CHECK_THROWS_WITH_AS(step(z), "of the function", std::runtime_error);
  CHECK(step.size() == 2);
  CHECK(step.counts().evictions == 0);
}

TEST_CASE("a graphed function within itself") {
  bench<> b;
  std::function<void()> again;
  std::size_t size = 99;
  fx::graph_options options;
  fx::graphed step(
      b.e,
      [&](auto& e, const auto& x) {
        const auto h = twice(e, x);
        fx::uncaptured(e, [&](auto&) { again(); });
        return twice(e, h);
      },
      options);
  const auto x = b.made<vector>({3});
  again = [&] { size = step.size(); };
  step(x);
  CHECK(size == 1);
  again = [&] { step(x); };
  const auto said = refused([&] { step(x); });
  CHECK(said.category == category::capture);
  CHECK_SAYS(said, "called from within its own call");
  again = [] {};
  CHECK(same(b.get(step(x)), b.get(twice(b.e, twice(b.e, x)))));
}

TEST_CASE("a trace within a capture is refused") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& x) {
    fx::trace(e, [&] { twice(e, x); });
    return twice(e, x);
  });
  const auto said = refused([&] { step(b.made<vector>({3})); });
  CHECK(said.category == category::capture);
  CHECK_SAYS(said, "fuse::trace: the executor is being captured or traced already");
  CHECK(b.e.recording() == nullptr);
}

// SPDX-License-Identifier: Apache-2.0
// Which graph a call gets: keys, the least recently used one making room, warming up, limits, modes, and falling back.
#include <cstdlib>

#include "support/stage.hpp"

using namespace stage;
using category = fx::error_category;

namespace {

constexpr auto twice = fx::compile<"twice">([](auto x) { return x + x; });
constexpr auto total = fx::compile<"total">([](auto x) { return x / (fx::sum(x, fx::row) + 1.f); });

auto doubled = [](auto& e, const auto& x) { return twice(e, twice(e, x)); };

template <class Bench, class Step, class T>
void agree(Bench& b, Step& step, const T& x) {
  CHECK(same(b.get(step(x)), b.get(doubled(b.e, x))));
}

}  // namespace

TEST_CASE("shapes and dtypes are the key") {
  bench<> b;
  fx::graphed step(b.e, doubled);
  for (int round = 0; round < 3; ++round) {
    for (fx::index n : {1, 7, 64}) agree(b, step, b.made<vector>({n}, round));
    agree(b, step, b.made<matrix>({2, 32}, round));
    agree(b, step, b.made<matrix>({32, 2}, round));
    agree(b, step, b.made<tensor<fx::index, dyn>>({7}, round));
    agree(b, step, b.made<tensor<float, 7>>({7}, round));  // a static shape is another type
  }
  const auto c = step.counts();
  CHECK(c.captures == 7);
  CHECK(c.replays == 21);
  CHECK(step.size() == 7);
  CHECK(c.evictions == 0);
}

TEST_CASE("the least recently used graph makes room") {
  bench<> b;
  fx::graph_options options;
  options.capacity = 2;
  fx::graphed step(b.e, doubled, options);
  auto call = [&](fx::index n) { agree(b, step, b.made<vector>({n})); };
  call(1), call(2), call(1), call(3);  // 2 goes
  CHECK(step.counts().captures == 3);
  CHECK(step.counts().evictions == 1);
  call(1);
  CHECK(step.counts().captures == 3);
  call(2);  // 3 goes
  call(1);
  CHECK(step.counts().captures == 4);
  call(3);
  CHECK(step.counts().captures == 5);
  CHECK(step.counts().evictions == 3);
  CHECK(step.size() == 2);
  const auto said = refused([&] {
    options.capacity = 0;
    fx::graphed none(b.e, doubled, options);
  });
  CHECK_SAYS(said, "fuse::graphed: expected a capacity of at least 1");
}

TEST_CASE("clear forgets graphs and gives their memory back") {
  bench<> b;
  fx::graphed step(b.e, doubled);
  const auto x = b.made<vector>({1000});
  agree(b, step, x);
  CHECK(step.counts().bytes >= 8000);
  step.clear();
  CHECK(step.size() == 0);
  CHECK(step.counts().bytes == 0);
  agree(b, step, x);
  agree(b, step, x);
  CHECK(step.counts().captures == 2);
}

TEST_CASE("graphs share one piece of memory, captured largest first") {
  bench<> b;
  fx::graphed step(b.e, doubled);
  const auto large = b.made<vector>({4096}), small = b.made<vector>({16});
  step.warm_up(std::tie(small), std::tie(large));
  const fx::index bytes = step.counts().bytes;
  CHECK(bytes == 2 * 4096 * 4);  // two intermediate results, before anything has run
  CHECK(step.counts().replays == 0);
  agree(b, step, small);
  agree(b, step, large);
  CHECK(step.counts().bytes == bytes);
  const auto r = step(small);
  step(large);
  CHECK_SAYS(refused([&] { r.view(); }), "overwritten");  // in the same memory
}

TEST_CASE("warmed up: nothing runs, and nothing is captured any more") {
  bench<> b;
  std::vector<std::string> log;
  fx::graph_options options;
  options.log = [&](const fx::text& t) { log.push_back(t.c_str()); };
  const auto x = b.made<vector>({8}), y = b.made<vector>({9});
  auto into = [](auto& e, const auto& out, const auto& p) { twice(e, out, p); };
  SUBCASE("an unknown shape is an error") {
    fx::graphed step(b.e, into, options);
    const auto out = b.made<vector>({8}, 40);
    const auto before = b.get(out);
    step.warm_up(std::tuple(fx::out(out), x.view()));
    CHECK(same(b.get(out), before));
    CHECK(step.counts().captures == 1);
    CHECK(step.counts().replays == 0);
    step(fx::out(out), x);
    CHECK(same(b.get(out), b.get(twice(b.e, x))));
    CHECK(step.counts().captures == 1);
    const auto other = b.made<vector>({9});
    const auto said = refused([&] { step(fx::out(other), y); });
    CHECK(said.category == category::capture);
    CHECK_SAYS(said, "was not warmed up");
    CHECK_SAYS(said, "add it to warm_up");
    step.clear();
    step(fx::out(other), y);
    CHECK(same(b.get(other), b.get(twice(b.e, y))));
  }
  SUBCASE("tells of memory before it is allocated") {
    std::function<fx::index()> bytes;
    fx::index then = -1;
    options.log = [&](const fx::text&) { then = bytes(); };
    fx::graphed step(b.e, doubled, options);
    bytes = [&] { return step.counts().bytes; };
    step.warm_up(std::tie(x));
    CHECK(then == 0);
    CHECK(step.counts().bytes == 512);
  }
  SUBCASE("tells of memory that is not there") {
    auto greedy = [](auto& e, const auto& p) {
      e.template empty<float, fx::extents<fx::dyn>>({fx::index(1) << 45});
      return twice(e, p);
    };
    fx::graphed step(b.e, greedy, options);
    CHECK(refused([&] { step.warm_up(std::tie(x)); }).category == category::memory);
    REQUIRE(log.size() == 1);
    CHECK(log[0] == "fuse::graphed: graphs need 140737488355328 bytes of memory");
    CHECK(step.counts().captures == 0);
  }
  SUBCASE("or runs the function itself where that is allowed") {
    options.fall_back = true;
    fx::graphed step(b.e, doubled, options);
    step.warm_up(std::tie(x));
    REQUIRE(log.size() == 1);
    CHECK(log[0] == "fuse::graphed: graphs need 512 bytes of memory");
    agree(b, step, x);
    agree(b, step, y);
    agree(b, step, y);
    CHECK(step.counts().fallbacks == 2);
    CHECK(step.counts().captures == 1);
    REQUIRE(log.size() == 3);
    CHECK(log[1].find("fuse::graphed: ran the function itself: it was not warmed up") == 0);
  }
}

TEST_CASE("what cannot be captured is an error, or runs itself where that is allowed") {
  bench<> b;
  const auto x = b.made<vector>({8});
  auto looks = [](auto& e, const auto& p) {
    const auto y = twice(e, p);
    return e.fetch(y.data()) > 1e9f ? twice(e, p) : twice(e, y);
  };
  SUBCASE("an error") {
    fx::graphed step(b.e, looks);
    for (int round = 0; round < 2; ++round) {
      const auto said = refused([&] { step(x); });
      CHECK(said.category == category::capture);
      CHECK_SAYS(said, "cannot be part of a captured");
      CHECK_SAYS(said, "fuse::uncaptured");
    }
    CHECK(step.size() == 0);
    CHECK(same(b.get(looks(b.e, x)), b.get(doubled(b.e, x))));
  }
  SUBCASE("counted and logged") {
    int logged = 0, run = 0;
    fx::graph_options options;
    options.fall_back = true;
    options.log = [&](const fx::text&) { ++logged; };
    fx::graphed step(
        b.e,
        [&](auto& e, const auto& p) {
          ++run;
          return looks(e, p);
        },
        options);
    int runs = 0;  // of the first call: it tries to capture
    for (int round = 1; round <= 4; ++round) {
      if (round == 4) step.clear();
      run = 0;
      CHECK(same(b.get(step(x)), b.get(looks(b.e, x))));
      if (round == 1) runs = run;
      CHECK(run == (round == 1 || round == 4 ? runs : 1));
      CHECK(step.counts().fallbacks == round);
      CHECK(logged == round);
    }
    CHECK(runs > 1);
    CHECK(step.counts().captures == 0);
    CHECK(step.counts().replays == 0);
  }
}

TEST_CASE("a memory limit holds, and says what is needed") {
  bench<> b;
  fx::graph_options options;
  options.memory_limit = 1024;
  fx::graphed step(b.e, doubled, options);
  agree(b, step, b.made<vector>({128}));
  const auto said = refused([&] { step(b.made<vector>({129})); });
  CHECK(said.category == category::memory);
  CHECK_SAYS(said, "fuse::graphed: the graph needs 1536 bytes, graph_options::memory_limit is 1024");
  agree(b, step, b.made<vector>({128}, 5));
  CHECK(step.counts().bytes == 1024);
}

TEST_CASE("modes: graphed, fused, eager") {
  bench<fx::modes::any> b;
  const auto x = b.made<matrix>({4, 8});
  auto f = [](auto& e, const auto& p) { return total(e, p); };
  const auto want = b.get(total(b.e, x));
  auto launches = [&](fx::mode how, std::int64_t captures) {
    fx::graph_options options;
    options.how = how;
    fx::graphed step(b.e, f, options);
    step.warm_up(std::tie(x));
    const std::int64_t before = b.e.launches();
    const auto got = b.get(step(x));
    REQUIRE(got.extents() == want.extents());
    for (int i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(want[i]));
    CHECK(step.counts().captures == captures);
    CHECK(b.e.current_mode() == fx::mode::fused);
    return b.e.launches() - before;
  };
  CHECK(launches(fx::mode::graphed, 1) == (is_device ? 0 : 1));  // a device launches graphs by itself
  CHECK(launches(fx::mode::fused, 0) == 1);
  CHECK(launches(fx::mode::eager, 0) == 3);
  bench<> fused;
  fx::graph_options options;
  options.how = fx::mode::eager;
  fx::graphed step(fused.e, f, options);
  CHECK(refused([&] { step(fused.made<matrix>({4, 8})); }).category == category::mode);
}

TEST_CASE("FUSE_ENFORCE_EAGER=1 runs graphed functions eagerly") {
  setenv("FUSE_ENFORCE_EAGER", "1", 1);
  {
    bench<fx::modes::any> b;
    const auto x = b.made<matrix>({4, 8});
    fx::graphed step(b.e, [](auto& e, const auto& p) { return total(e, p); });
    const std::int64_t before = b.e.launches();
    step.warm_up(std::tie(x));
    step(x);
    CHECK(b.e.launches() - before == 3);
    CHECK(step.counts().captures == 0);
    CHECK(step.counts().fallbacks == 0);  // nobody asked for graphs
  }
  unsetenv("FUSE_ENFORCE_EAGER");
}

TEST_CASE("a function that throws leaves everything as it was") {
  bench<> b;
  bool fails = true;
  fx::graph_options options;
  options.check_captures = false;
  fx::graphed step(
      b.e,
      [&](auto& e, const auto& p) {
        auto y = twice(e, p);
        if (fails) throw std::runtime_error("of the user");
        return twice(e, y);
      },
      options);
  const auto x = b.made<vector>({8});
  for (int round = 0; round < 2; ++round) {
    CHECK_THROWS_WITH_AS(step(x), "of the user", std::runtime_error);
    CHECK(step.size() == 0);
    CHECK(b.e.recording() == nullptr);
  }
  CHECK(same(b.get(twice(b.e, x)), b.get(twice(b.e, x.view()))));
  fails = false;
  agree(b, step, x);
  agree(b, step, x);
  CHECK(step.counts().captures == 1);
  fails = true;  // a replay does not run it
  agree(b, step, x);
}

TEST_CASE("an error of a compiled function is its own, before anything runs") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& out, const auto& p) { twice(e, out, p); });
  const auto x = b.made<vector>({8}), wrong = b.made<vector>({9});
  const auto said = refused([&] { step(fx::out(wrong), x); });
  CHECK(said.category == category::extents);
  CHECK_SAYS(said, "fuse::twice: output 0: axis 0: expected the extent 8, got 9");
  CHECK(same(b.get(wrong), b.get(b.made<vector>({9}))));
  CHECK(step.size() == 0);
}

TEST_CASE("a function that issues something else at every run cannot be one graph") {
  bench<> b;
  int runs = 0;
  fx::graphed step(b.e, [&](auto& e, const auto& p) { return ++runs % 2 ? twice(e, p) : twice(e, twice(e, p)); });
  const auto x = b.made<vector>({8});
  if constexpr (is_device) {  // pinned to what it issued last
    step(x);
    CHECK(step.counts().pinned == 1);
  } else {
    const auto said = refused([&] { step(x); });
    CHECK(said.category == category::capture);
    CHECK_SAYS(said, "issues other work for other addresses, or at every call");
    CHECK_SAYS(said, "fuse::fixed");
  }
}

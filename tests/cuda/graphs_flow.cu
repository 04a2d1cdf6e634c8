// SPDX-License-Identifier: Apache-2.0
// Nested, split and looping graphs on a device: those of the host, and work on several streams.
#include "../runtime/flow_test.cpp"

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
  const auto after_first =
      std::count_if(g.edges.begin(), g.edges.end(), [](const auto& edge) { return edge.from == 0; });
  CHECK(after_first == 3);
  // Nothing that either side gives back before the join is used again until then.
  CHECK(g.bytes >= 4 * 256);
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
    const auto other = fx::cuda_executor<>(second).upload(vector({2}, {1, 2}));  // might be given the same memory
    const auto got = b.get(result), in = b.get(x), in_too = b.get(y);
    for (int i = 0; i < 300; ++i) CHECK(got[i] == 3 * (in[i] + in_too[i]) + in[i]);
  }
}

TEST_CASE("a fork that is never joined is refused") {
  bench<> b;
  own_stream second;
  fx::graphed step(b.e, [&](auto& e, const auto& out, const auto& x) {
    auto branch = fx::fork(e, second);
    scale(branch, out, x, 2.f);
  });
  const auto x = b.made<vector>({5}), y = b.made<vector>({5}, 1);
  for (int round = 0; round < 2; ++round) {
    const auto said = refused([&] { step(fx::out(y), x); });
    CHECK(said.category == category::capture);
    CHECK_SAYS(said, "another stream has work in the capture");
    CHECK_SAYS(said, "join it");
  }
  CHECK(same(b.get(y), b.get(b.made<vector>({5}, 1))));
  fx::cuda_executor<> other(second);  // no capture is left in it
  scale(other, fx::out(y), x, 2.f);
  other.synchronize();
  CHECK(same(b.get(y), b.get(scale(b.e, x, 2.f))));
}

TEST_CASE("a function that throws between fork and join") {
  bench<> b;
  own_stream second;
  bool fails = true;
  fx::graphed step(b.e, [&](auto& e, const auto& x) {
    auto branch = fx::fork(e, second);
    const auto y = scale(branch, x, 2.f);
    if (fails) throw std::runtime_error("of the user");
    fx::join(e, branch);
    return add(e, x, y);
  });
  const auto x = b.made<vector>({5});
  CHECK_THROWS_WITH_AS(step(x), "of the user", std::runtime_error);
  fails = false;
  CHECK(same(b.get(step(x)), b.get(scale(b.e, x, 3.f))));
}

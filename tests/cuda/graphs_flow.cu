// SPDX-License-Identifier: Apache-2.0
// Nested, split and looping graphs on a device: those of the host, and work on several streams.
#include "../runtime/flow_test.cpp"

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

// SPDX-License-Identifier: Apache-2.0
// One graphed function called by eight threads: calls are served one after the other, each with its own arguments.
// Runs under ThreadSanitizer too: ctest -R block/threads.
#include <atomic>
#include <thread>

#include "support/stage.hpp"

using namespace stage;

namespace {

constexpr auto scale_add = fx::compile<"scale_add">([](auto x, auto y, auto a) { return x * a + y; });
constexpr int threads = 8;

/// f(thread) in eight threads at once.
template <class F>
void at_once(const F& f) {
  std::atomic<int> ready = 0;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      ++ready;
      while (ready < threads) std::this_thread::yield();
      f(t);
    });
  for (std::thread& t : all) t.join();
}

}  // namespace

TEST_CASE("eight threads, eight shapes: captures, replays and evictions between each other") {
  bench<> b;
  fx::graph_options options;
  options.capacity = 5;
  fx::graphed step(
      b.e,
      [](auto& e, const auto& out, const auto& x, const auto& y, auto a) {
        scale_add(e, out, scale_add(e, x, y, a), y, a);
      },
      options);
  constexpr int rounds = 50;
  std::vector<vector> x, y, z;
  for (int t = 0; t < threads; ++t) {
    x.push_back(b.made<vector>({t + 1}, t)), y.push_back(b.made<vector>({t + 1}, 2 * t));
    z.push_back(b.made<vector>({t + 1}));
  }
  std::atomic<int> wrong = 0;
  at_once([&](int t) {
    for (int round = 0; round < rounds; ++round) {
      const std::size_t i = std::size_t(t + round) % threads, o = std::size_t(t);
      if (i != o) {  // another's inputs are only read; its own output only it writes
        step(fx::out(fx::view<float, fx::extents<dyn>>(z[o].data(), {1})),
             fx::view<float, fx::extents<dyn>>(x[i].data(), {1}), fx::view<float, fx::extents<dyn>>(y[i].data(), {1}),
             2.f);
      }
      step(fx::out(z[o]), x[o], y[o], float(t));
      if constexpr (!is_device)
        for (int k = 0; k <= t; ++k)
          if (z[o][k] != (x[o][k] * float(t) + y[o][k]) * float(t) + y[o][k]) ++wrong;
      if (round % 10 == 0) static_cast<void>(step.counts().replays), static_cast<void>(step.graphs());
    }
  });
  CHECK(wrong == 0);
  for (int t = 0; t < threads; ++t) {
    const auto o = std::size_t(t);
    const auto got = b.get(z[o]), p = b.get(x[o]), q = b.get(y[o]);
    for (int k = 0; k <= t; ++k) CHECK(got[k] == (p[k] * float(t) + q[k]) * float(t) + q[k]);
  }
  const auto c = step.counts();
  CHECK(c.replays >= threads * rounds);
  CHECK(c.evictions == c.captures - std::int64_t(step.size()));
  CHECK(step.size() <= 5);
  CHECK(c.pinned == 0);
}

TEST_CASE("results of other threads: right, or refused as overwritten") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& x, auto a) { return scale_add(e, x, x, a); });
  const auto x = b.made<vector>({4}, 1);
  step(x, 0.f);
  std::atomic<int> refusals = 0, read = 0;
  at_once([&](int t) {
    for (int round = 0; round < 20; ++round) {
      const auto r = step(x, float(t));
      try {
        r.view();
        ++read;
      } catch (const fx::error&) {
        ++refusals;
      }
    }
  });
  CHECK(refusals + read == threads * 20);
  CHECK(read > 0);
  CHECK(step.counts().captures == 1);
}

TEST_CASE("eight threads, eight executors, eight graphed functions") {
  std::atomic<int> wrong = 0;
  at_once([&](int t) {
    bench<> b;
    fx::graphed step(b.e, [](auto& e, const auto& x, auto a) { return scale_add(e, scale_add(e, x, x, a), x, a); });
    for (fx::index n : {3, 9, 3}) {
      const auto x = b.made<vector>({n}, t);
      for (float a : {1.f, 2.f}) {
        const auto got = b.get(step(x, a)), in = b.get(x);
        for (fx::index i = 0; i < n; ++i)
          if (got[i] != (in[i] * a + in[i]) * a + in[i]) ++wrong;
      }
    }
    if (step.counts().captures != 2) ++wrong;
  });
  CHECK(wrong == 0);
}

// SPDX-License-Identifier: Apache-2.0
// What a replay asks of the driver, counted call by call by the simulated device: one launch of a graph, and one update
// for each kernel that an argument which changed goes to. No allocation, no copy. A GPU cannot run this test: it has
// nobody to ask.
#include "../runtime/support/stage.hpp"
#include "../sim/runtime/control.hpp"

using namespace stage;
namespace control = sim::control;

namespace {

constexpr auto add = fx::compile<"add">([](auto x, auto y) { return x + y; });
constexpr auto scale = fx::compile<"scale">([](auto x, auto a) { return x * a; });

constexpr auto advance = fx::compile<"advance">([](auto x, auto limit) {
  auto y = x + 1.f;
  return fx::outputs(y, fx::max(y, fx::row) < limit);
});

fx::graph_options unchecked() {
  fx::graph_options o;
  o.check_captures = false;
  o.check_memory = false;  // as in a release build; asked for, it is one cudaPointerGetAttributes an argument
  return o;
}

/// All calls but those that only say in which mode this thread captures.
struct driver_calls {
  long all = control::total_calls() - control::calls("cudaThreadExchangeStreamCaptureMode"),
       launches = control::calls("cudaGraphLaunch"), updates = control::calls("cudaGraphExecKernelNodeSetParams"),
       pointers = control::calls("cudaPointerGetAttributes");
  driver_calls since(const driver_calls& before) const {
    driver_calls d = *this;
    d.all -= before.all, d.launches -= before.launches, d.updates -= before.updates, d.pointers -= before.pointers;
    return d;
  }
};
template <class F>
driver_calls count(F&& f) {
  const driver_calls before;
  f();
  return driver_calls().since(before);
}

/// N arguments that are rebound, N kernels: calls of a replay.
template <std::size_t N>
void check_arguments() {
  CAPTURE(N);
  bench<> b;
  const auto out = b.made<vector>({64}), other_out = b.made<vector>({64});
  std::vector<vector> w, v;
  for (std::size_t i = 0; i < N; ++i) w.push_back(b.made<vector>({64}, int(i))), v.push_back(b.made<vector>({64}, 2));
  using view = fx::view<float, fx::extents<dyn>>;
  auto call_with = [&]<std::size_t... I>(std::index_sequence<I...>) {
    auto f = [](auto& e, const auto& to, const auto& first, const auto&... rest) {
      add(e, fx::out(to), first, first);
      (add(e, fx::out(to), to, rest), ...);
    };
    fx::graphed step(b.e, f, unchecked());
    auto call = [&](const vector& to, const std::vector<vector>& from) { step(to, view(from[I])...); };
    call(out, w);
    b.e.synchronize();
    const std::size_t live = control::live_bytes();
    const auto alive = control::live();

    const auto again = count([&] { call(out, w); });
    CHECK(again.all == 1);
    CHECK(again.launches == 1);

    call(other_out, v);  // pointers seen for the first time are asked for once
    call(out, w);
    const auto rebound = count([&] { call(other_out, v); });
    CHECK(rebound.launches == 1);
    CHECK(rebound.updates == long(N));  // every kernel has a new argument: one update each, however many it has
    CHECK(rebound.all <= 1 + long(N) + rebound.pointers);
    CHECK(rebound.pointers <= long(N) + 1);

    call(out, w);
    const auto one = count([&] { call(out, w), b.e.synchronize(); });
    CHECK(one.all == 2);
    CHECK(control::live() == alive);
    CHECK(control::live_bytes() == live);
    REQUIRE(step.graphs().size() == 1);
    const auto graph = step.graphs()[0];
    for (const auto& n : graph.nodes) CHECK(std::string(n.kind) == "kernel");
    CHECK(step.counts().pinned == 0);

    vector want({64});
    for (int i = 0; i < 64; ++i) want[i] = 0;
    for (std::size_t k = 0; k < N; ++k) {
      const auto host = b.get(w[k]);
      for (int i = 0; i < 64; ++i) want[i] += k == 0 ? 2 * host[i] : host[i];
    }
    CHECK(same(b.get(out), want));
  };
  call_with(std::make_index_sequence<N>());
}

}  // namespace

TEST_CASE("a replay is one launch: no allocation, no copy, for 1, 10 and 100 rebound arguments") {
  check_arguments<1>();
  check_arguments<10>();
  check_arguments<100>();
}

TEST_CASE("an argument that changed is updated in the kernels that use it, and in no other") {
  bench<> b;
  fx::graphed step(
      b.e,
      [](auto& e, const auto& x, const auto& y, auto a) {
        const auto h = scale(e, x, a);
        const auto g = add(e, h, y);
        return add(e, g, x);
      },
      unchecked());
  const auto x = b.made<vector>({16}), y = b.made<vector>({16}, 1), z = b.made<vector>({16}, 2);
  step(x, y, 1.f), step(x, z, 1.f), step(z, y, 1.f), step(x, y, 1.f);
  auto updates = [&](const vector& p, const vector& q, float a) { return count([&] { step(p, q, a); }).updates; };
  CHECK(updates(x, y, 1.f) == 0);
  CHECK(updates(x, z, 1.f) == 1);
  CHECK(updates(y, z, 1.f) == 2);
  CHECK(updates(y, z, 2.f) == 1);
  CHECK(updates(x, y, 3.f) == 3);
  CHECK(updates(x, y, 3.f) == 0);
}

TEST_CASE("memory is known and taken before the first launch") {
  bench<> b;
  fx::graphed step(
      b.e, [](auto& e, const auto& x) { return add(e, add(e, x, x), x); }, unchecked());
  const auto x = b.made<vector>({100'000});
  CHECK(step.bytes_needed(x) == 2 * 400'128);  // in units of 256 bytes
  CHECK(step.size() == 0);
  const std::size_t before = control::live_bytes();
  control::reset();
  step.warm_up(std::tie(x));
  b.e.synchronize();
  CHECK(control::launch_count() == 0);
  CHECK(step.counts().bytes == 2 * 400'128);
  CHECK(control::live_bytes() - before >= 2 * 400'000);
  CHECK(control::live_bytes() - before <= 2 * 400'128);
  const std::size_t warm = control::live_bytes();
  CHECK(control::calls("cudaMallocFromPoolAsync") == 1);
  for (int i = 0; i < 3; ++i) step(x);
  b.e.synchronize();
  CHECK(control::calls("cudaMallocFromPoolAsync") == 1);
  CHECK(control::live_bytes() == warm);
  step.clear();
  b.e.synchronize();
  CHECK(control::live_bytes() == before);
}

TEST_CASE("kernels follow each other by programmatic edges") {
  bench<> b;
  fx::graphed step(
      b.e, [](auto& e, const auto& x) { return add(e, scale(e, add(e, x, x), 2.f), x); }, unchecked());
  const auto x = b.made<vector>({64});
  step(x);
  const auto g = step.graphs()[0];
  REQUIRE(g.edges.size() == 2);
  for (const auto& edge : g.edges) CHECK(edge.early);
  b.e.synchronize();
  control::reset();
  step(x);
  b.e.synchronize();
  const auto launches = control::launches();
  REQUIRE(launches.size() == 3);
  for (const auto& l : launches) CHECK(l.in_graph);
}

TEST_CASE("a split call is one launch for each piece, a loop one for all of its rounds") {
  bench<> b;
  const auto x = b.put(vector({1}, {0.f}));
  const auto going = b.raised();
  SUBCASE("split") {
    fx::graphed step(
        b.e,
        [](auto& e, const auto& p) {
          const auto h = add(e, p, p);
          fx::uncaptured(e, [](auto&) {});
          return add(e, h, p);
        },
        unchecked());
    step(x);
    const auto calls = count([&] { step(x); });
    CHECK(calls.launches == 2);
    CHECK(calls.all == 2);
  }
  SUBCASE("loop") {
    fx::graphed step(
        b.e,
        [](auto& e, const auto& p, const auto& g, auto limit) {
          fx::while_loop(e, g, 100, [&](auto& again) { advance(again, fx::out(p, g), p, limit); });
        },
        unchecked());
    step(x, going, 0.f);
    const auto y = b.put(vector({1}, {0.f}));
    const auto raised = b.raised();
    step(y, raised, 12.f);
    CHECK(b.get(y)[0] == 12);
    const auto lowered = count([&] { step(y, raised, 12.f); });
    CHECK(lowered.launches == 1);
    CHECK(lowered.all == 1);
  }
}

TEST_CASE("asked to check memory, a replay asks once for each argument") {
  bench<> b;
  fx::graph_options options;
  options.check_memory = true;
  fx::graphed step(
      b.e, [](auto& e, const auto& x, const auto& y, auto a) { return scale(e, add(e, x, y), a); }, options);
  const auto x = b.made<vector>({16}), y = b.made<vector>({16}, 1);
  step(x, y, 1.f);
  const auto calls = count([&] { step(x, y, 1.f); });
  CHECK(calls.pointers == 2);
  CHECK(calls.all == 3);
}

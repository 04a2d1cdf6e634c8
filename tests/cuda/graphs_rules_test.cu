// SPDX-License-Identifier: Apache-2.0
// The library keeps to the driver's rules, which the simulated device enforces, and finds its way where the documents
// leave one open and the driver says no: at launch, at instantiation or at update. Results are right, nothing leaks,
// and what was refused is not asked for again. A GPU cannot run this test: it has rules of its own.
#include <thread>

#include "../runtime/support/stage.hpp"
#include "../sim/runtime/control.hpp"

using namespace stage;
using category = fx::error_category;
namespace control = sim::control;

namespace {

constexpr auto add = fx::compile<"add">([](auto x, auto y) { return x + y; });
constexpr auto scale = fx::compile<"scale">([](auto x, auto a) { return x * a; });
constexpr auto advance = fx::compile<"advance">([](auto x, auto by, auto limit) {
  auto y = x + by;
  return fx::outputs(y, fx::max(y, fx::row) < limit);
});
constexpr auto soften = fx::compile<"soften">([](auto x) { return fx::exp(x - fx::max(x, fx::row)); });

struct silence {
  silence() { control::quiet(true); }
  ~silence() {
    control::take_complaints();
    control::quiet(false);
  }
};
/// Checks that what lives after it is what lived before it. What is freed in stream order has to be through.
struct leak_check {
  control::alive before = now();
  ~leak_check() { CHECK(now() == before); }
  static control::alive now() {
    cudaDeviceSynchronize();
    return control::live();
  }
};
/// How often has the driver refused an early start since the last call?
int refusals() {
  int n = 0;
  for (const auto& line : control::take_complaints()) n += line.find("an early launch") != std::string::npos;
  return n;
}

}  // namespace

TEST_CASE("a loop whose body has new addresses: its graph is instantiated anew, one at a time") {
  for (const bool counts : {false, true}) {
    CAPTURE(counts);
    control::set_in_flight_counts(counts);
    if (counts) control::quiet(true);
    {
      bench<> b;
      fx::graphed step(b.e, [](auto& e, const auto& p, const auto& by, const auto& g) {
        fx::while_loop(e, g, 3, [&](auto& again) { advance(again, fx::out(p, g), p, by, 1e9f); });
        return scale(e, p, 2.f);
      });
      const auto one = b.put(vector({4}, {1, 1, 1, 1})), ten = b.put(vector({4}, {10, 10, 10, 10}));
      const auto first = b.put(vector({4}, {0, 0, 0, 0})), second = b.put(vector({4}, {5, 5, 5, 5}));
      const auto going = b.raised();
      float want_first = 0, want_second = 5;
      for (int round = 0; round < 3; ++round) {
        const auto r = step(first, one, going);  // the next call comes while it runs
        step(second, ten, going);
        want_first += 3, want_second += 30;
        CHECK(b.get(first)[3] == want_first);
        CHECK(b.get(second)[0] == want_second);
      }
      CHECK(step.counts().captures == 1);
    }
    if (counts) control::quiet(false);
    control::take_complaints();
  }
  control::set_in_flight_counts(false);
}

TEST_CASE("what fails in a loop's body fails before it is captured into the loop") {
  const silence quiet;
  const leak_check leaks;
  bench<> b;
  const auto going = b.raised();
  enum { none, allocates, queries, ignored_query, throws } fault = none;
  int rounds = 0;
  fx::graphed step(b.e, [&](auto& e, const auto& p, const auto& g) {
    fx::while_loop(e, g, 2, [&](auto& again) {
      ++rounds;
      void* memory = nullptr;
      if (fault == allocates) cudaMalloc(&memory, 64);
      if (fault == queries) cudaStreamQuery(again.stream());
      if (fault == throws) throw std::runtime_error("of the user");
      advance(again, fx::out(p, g), p, 1.f, 100.f);
      if (fault == ignored_query) cudaStreamQuery(again.stream());  // the last call: nothing else notices
    });
  });
  const auto x = b.made<vector>({8}, 1);
  for (const auto wrong : {allocates, queries, ignored_query}) {
    CAPTURE(int(wrong));
    fault = wrong;
    const auto said = refused([&] { step(x, going); });
    CHECK(said.category == category::capture);
    CHECK_SAYS(said, "no graph can hold");
    CHECK_SAYS(said, "fuse::uncaptured");
    CHECK(cudaPeekAtLastError() == cudaSuccess);
  }
  fault = throws;
  CHECK_THROWS_WITH_AS(step(x, going), "of the user", std::runtime_error);
  fault = none;
  CHECK(b.get(x)[0] == 1);
  rounds = 0;
  step(x, going);
  CHECK(rounds == 4);  // two captures, each once to see whether it works
  CHECK(b.get(x)[0] == 3);
  CHECK(control::take_faults().empty());
}

TEST_CASE("a copy of memory of the call in a loop's body pins the graph") {
  const silence quiet;
  const leak_check leaks;
  bench<> b;
  const auto going = b.raised();
  fx::graphed step(b.e, [&](auto& e, const auto& p, const auto& g) {
    auto before = e.template empty<float, fx::extents<dyn>>({p.size()});
    fx::while_loop(e, g, 2, [&](auto& again) {
      fx::cuda::check(cudaMemcpyAsync(before.data(), p.data(), 32, cudaMemcpyDeviceToDevice, again.stream()),
                      "cudaMemcpyAsync");
      advance(again, fx::out(p, g), before, 1.f, 100.f);
    });
  });
  const auto x = b.made<vector>({8}, 1);
  step(x, going);
  CHECK(b.get(x)[0] == 3);
  CHECK(step.counts().pinned == 1);
}

TEST_CASE("loops in loops are tried once with the loop around them, and take the memory they took before") {
  bench<> b;
  int inner = 0;
  fx::graphed step(b.e, [&](auto& e, const auto& p, const auto& q, const auto& g, const auto& h) {
    fx::while_loop(e, g, 2, [&](auto& again) {
      fx::while_loop(again, h, 3, [&](auto& more) {
        ++inner;
        const auto t = add(more, q, q);
        advance(more, fx::out(q, h), t, 1.f, 1e9f);
      });
      advance(again, fx::out(p, g), p, 1.f, 100.f);
    });
  });
  const auto p = b.put(vector({2}, {0, 0})), q = b.put(vector({2}, {0, 0}));
  const auto g = b.raised(), h = b.raised();
  step(p, q, g, h);
  CHECK(inner == 2 * 2);
  CHECK(b.get(p)[0] == 2);
  CHECK(b.get(q)[1] == 63);                  // 2 q + 1, six times
  CHECK(step.graphs()[0].bytes == 3 * 256);  // two counters and t
}

TEST_CASE("shared memory: a row that needs much, beside rows that need less") {
  bench<> b;
  const auto large = b.made<matrix>({2, 40'000}), other = b.made<matrix>({2, 40'000}, 7),
             small = b.made<matrix>({2, 13'000}), tiny = b.made<matrix>({2, 64});
  const auto want = b.get(soften(b.e, other));
  fx::graphed step(b.e, [](auto& e, const auto& x) { return soften(e, x); });
  step(large);
  for (const matrix* between : {&small, &tiny}) {
    soften(b.e, *between);
    CHECK(same(b.get(step(other)), want));  // an update of the node
    step(*between);
    CHECK(same(b.get(soften(b.e, other)), want));
    step(large);
  }
  control::reset();
  for (int i = 0; i < 5; ++i) soften(b.e, large), soften(b.e, small);
  CHECK(control::calls("cudaFuncSetAttribute") == 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      bench<> mine;
      const auto x = mine.made<matrix>({1, t % 2 == 0 ? 40'000 : 13'000});
      for (int i = 0; i < 10; ++i) soften(mine.e, x);
      mine.e.synchronize();
    });
  for (auto& t : threads) t.join();
}

TEST_CASE("functions called in a capture of the program's own, with pointers seen for the first time") {
  bench<> b;
  const auto x = b.made<vector>({8}, 1);
  const auto rows = b.made<matrix>({1, 13'000});
  const auto out = b.made<matrix>({1, 13'000});
  const auto y = b.made<vector>({8}, 3);
  const auto want = b.get(add(b.e, x, y));
  const auto want_rows = b.get(soften(b.e, rows));
  fx::cuda_executor<> fresh(b.e.stream());
  const auto to = b.made<vector>({8});
  REQUIRE(cudaStreamBeginCapture(b.e.stream(), cudaStreamCaptureModeGlobal) == cudaSuccess);
  add(fresh, fx::out(to), x, y);
  soften(fresh, fx::out(out), rows);
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamEndCapture(b.e.stream(), &graph) == cudaSuccess);
  cudaGraphExec_t exec = nullptr;
  REQUIRE(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
  REQUIRE(cudaGraphLaunch(exec, b.e.stream()) == cudaSuccess);
  CHECK(same(b.get(to), want));
  CHECK(same(b.get(out), want_rows));
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
}

TEST_CASE("memory that is freed is kept for the next allocation, in a pool of fuse's own") {
  const leak_check leaks;
  cudaMemPool_t standard = nullptr;
  REQUIRE(cudaDeviceGetDefaultMemPool(&standard, 0) == cudaSuccess);
  auto held_by_default = [&] {
    unsigned long long bytes = 0;
    CHECK(cudaMemPoolGetAttribute(standard, cudaMemPoolAttrReservedMemHigh, &bytes) == cudaSuccess);
    return bytes;
  };
  const auto held = held_by_default();
  SUBCASE("one for all executors") {
    bench<> b, other;
    const auto x = b.made<vector>({100}), y = other.made<vector>({100});
    CHECK(control::live().pools == leaks.before.pools + 1);
    const auto before = control::released_bytes();
    for (int i = 0; i < 3; ++i) {
      b.get(add(b.e, x, x));
      other.get(add(other.e, y, y));
    }
    own_stream second;
    {
      auto branch = fx::fork(b.e, second);
      const auto h = add(branch, x, x);
      fx::join(b.e, branch);
      b.get(h);
    }
    b.e.synchronize();
    CHECK(control::released_bytes() == before);
    CHECK(held_by_default() == held);
    CHECK(control::live().pools == leaks.before.pools + 1);
  }
  SUBCASE("tensors outlive the executor") {
    own_stream s;
    vector x;
    {
      bench<> b(s);
      x = b.made<vector>({100});
    }
    bench<> b(s);
    CHECK(b.get(x)[1] == 1);
  }
  SUBCASE("the program's own pool is used as it is") {
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    cudaMemPool_t chosen = nullptr;
    REQUIRE(cudaMemPoolCreate(&chosen, &properties) == cudaSuccess);
    REQUIRE(cudaDeviceSetMemPool(0, chosen) == cudaSuccess);
    unsigned long long used = 0;
    {
      bench<> b;
      const auto x = b.made<vector>({100});
      CHECK(cudaMemPoolGetAttribute(chosen, cudaMemPoolAttrUsedMemHigh, &used) == cudaSuccess);
      CHECK(used >= 400);
      CHECK(cudaMemPoolGetAttribute(chosen, cudaMemPoolAttrReleaseThreshold, &used) == cudaSuccess);
      CHECK(used == 0);
      CHECK(control::live().pools == leaks.before.pools + 1);
    }
    REQUIRE(cudaDeviceSetMemPool(0, standard) == cudaSuccess);
    REQUIRE(cudaMemPoolDestroy(chosen) == cudaSuccess);
  }
}

namespace {

/// Calls of one function with arguments that change; what they want is in the host's arithmetic.
template <class Step>
void play(bench<>& b, Step& step, float (*want)(float x, float a)) {
  for (const auto& [from, a] : {std::pair(1, 2.f), std::pair(1, 2.f), std::pair(4, 2.f), std::pair(9, 3.f)}) {
    const auto x = b.made<vector>({8}, from);
    const auto got = b.get(step(x, a)), in = b.get(x);
    for (int i = 0; i < 8; ++i) CHECK(got[i] == want(in[i], a));
  }
}

/// Every kind of graph, each called with new addresses and scalars.
struct every_graph {
  explicit every_graph(bench<>& b, cudaStream_t second) {
    fx::graphed chain(b.e, [](auto& e, const auto& p, auto a) { return add(e, scale(e, p, a), p); });
    play(b, chain, [](float x, float a) { return x * a + x; });

    const auto raised = b.raised();
    fx::graphed loop(b.e, [going = raised.view()](auto& e, const auto& p, auto a) {
      auto h = scale(e, p, a);
      fx::while_loop(e, going, 3, [&](auto& again) {
        const auto t = scale(again, h, 1.f);
        advance(again, fx::out(h, going), t, 1.f, 1e9f);
      });
      return add(e, h, p);
    });
    play(b, loop, [](float x, float a) { return x * a + 3 + x; });

    fx::graphed inner(b.e, [](auto& e, const auto& p, auto a) { return add(e, scale(e, p, a), p); });
    fx::graphed nested(b.e, [&inner](auto& e, const auto& p, auto a) {
      const auto h = add(e, p, p);
      return add(e, inner(h, a).view(), p);
    });
    play(b, nested, [](float x, float a) { return 2 * x * a + 2 * x + x; });

    fx::graphed joined(b.e, [&](auto& e, const auto& p, auto a) {
      auto branch = fx::fork(e, second);
      const auto h = scale(branch, scale(branch, p, a), 1.f), g = scale(e, p, 2.f);
      fx::join(e, branch);
      return scale(e, add(e, h, g), 1.f);
    });
    play(b, joined, [](float x, float a) { return x * a + 2 * x; });

    fx::graphed filled(b.e, [](auto& e, const auto& p, auto a) {
      auto h = add(e, scale(e, p, a), p);
      fx::cuda::check(cudaMemsetAsync(h.data(), 0, 4, e.stream()), "cudaMemsetAsync");
      return add(e, scale(e, h, 1.f), p);
    });
    const auto x = b.made<vector>({8}, 1);
    const auto got = b.get(filled(x, 2.f));
    CHECK(got[0] == 1);
    CHECK(got[1] == 8);
  }
};

}  // namespace

TEST_CASE("wherever the driver refuses early starts, and whenever") {
  const silence quiet;
  const leak_check leaks;
  own_stream first, second;
  for (const char* rules : {"", "chain=launch", "chain=invalid", "chain=instantiation", "chain=update", "loop=launch",
                            "loop=instantiation", "child=launch", "child=instantiation", "child=update",
                            "after_child=invalid,after_loop=invalid,after_join=invalid,after_other=invalid",
                            "after_child=instantiation,after_loop=launch,after_join=update,after_other=launch",
                            "chain=update,loop=instantiation,child=instantiation"}) {
    CAPTURE(rules);
    control::set_early_launches(rules);
    control::take_complaints();
    {
      bench<> b(first);
      const every_graph once(b, second);
      const int refused = refusals();
      const std::string asked = rules;
      // It never asks for what can bring nothing, and asks for the rest once.
      CHECK((refused > 0) == (asked.find("chain") == 0 || asked.find("loop") == 0 || asked.find("child") == 0));
      const every_graph again(b, second);
      CHECK(refusals() == 0);
    }
    bench<> b(first);  // another executor asks for itself
    fx::graphed chain(b.e, [](auto& e, const auto& p, auto a) { return add(e, scale(e, p, a), p); });
    play(b, chain, [](float x, float a) { return x * a + x; });
    const bool early = chain.graphs()[0].edges[0].early;
    CHECK(early == (std::string(rules).find("chain") == std::string::npos));
    CHECK(control::take_faults().empty());
  }
  control::set_early_launches("");
}

TEST_CASE("an error of another cause does not end early starts") {
  const silence quiet;
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& p, auto a) { return add(e, scale(e, p, a), p); });
  const auto x = b.made<vector>({8}, 1);
  for (const char* call : {"cudaGraphInstantiate", "cudaLaunchKernel"}) {
    CAPTURE(call);
    control::fail(call, 1, cudaErrorMemoryAllocation);
    const auto said = refused([&] { step(x, 2.f); });
    CHECK(said.category != category::argument);
  }
  step(x, 2.f);
  CHECK(step.graphs()[0].edges[0].early);
}

TEST_CASE("a graph that the driver ceases to update is captured anew, the others when their turn comes") {
  const silence quiet;
  const leak_check leaks;
  bench<> b;
  fx::graph_options options;
  options.padding = fx::buckets::of({8, 16});
  fx::graphed step(
      b.e, [](auto& e, const auto& p, auto a) { return scale(e, add(e, p, p), a); }, options);
  const vector host({5}, {1, 2, 3, 4, 5}), more({12}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const auto x = b.put(host), y = b.put(more);
  step.warm_up(std::tuple(fx::padded(x), 2.f), std::tuple(fx::padded(y), 2.f));
  CHECK(step.counts().captures == 2);
  control::set_early_launches("chain=update");
  for (int round = 0; round < 2; ++round) {
    const float a = float(3 + round);
    const auto few = b.get(step(fx::padded(x), a)), many = b.get(step(fx::padded(y), a));
    REQUIRE(few.size() == 5);
    REQUIRE(many.size() == 12);
    CHECK(few[4] == 10 * a);
    CHECK(many[11] == 24 * a);
  }
  CHECK(step.counts().captures == 4);
  CHECK(step.size() == 2);
  control::set_early_launches("");
}

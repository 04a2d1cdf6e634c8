// SPDX-License-Identifier: Apache-2.0
// What goes wrong in captured calls, planted by the simulated device: calls that no graph can hold, every call to the
// driver failing once, a device that is lost. Each gives an error that names the call, or does no harm; nothing leaks,
// the stream stays usable, the next call is right. A GPU cannot run this test: it does not fail when asked.
#include <thread>

#include "../runtime/support/stage.hpp"
#include "../sim/runtime/control.hpp"

using namespace stage;
using category = fx::error_category;
namespace control = sim::control;

namespace {

constexpr auto add = fx::compile<"add">([](auto x, auto y) { return x + y; });
constexpr auto scale = fx::compile<"scale">([](auto x, auto a) { return x * a; });
constexpr auto advance = fx::compile<"advance">([](auto x, auto limit) {
  auto y = x + 1.f;
  return fx::outputs(y, fx::max(y, fx::row) < limit);
});

__global__ void triple(float* p, int n) {
  if (int(threadIdx.x) < n) p[threadIdx.x] *= 3;
}

/// Complaints of the simulated device are expected here, and not printed.
struct silence {
  silence() { control::quiet(true); }
  ~silence() {
    control::take_complaints();
    control::quiet(false);
  }
};

/// Checks that what lives after it is what lived before it.
struct leak_check {
  control::alive before = control::live();
  ~leak_check() {
    cudaDeviceSynchronize();
    CHECK(control::live() == before);
  }
};

struct illegal {
  const char* name;
  void (*call)(fx::cuda_executor<>& e, const vector& h);
  const char* says;
  const char* remedy;
};
cudaEvent_t foreign_event = nullptr;
const illegal illegal_calls[] = {
    {"cudaStreamSynchronize", [](auto& e, const vector&) { cudaStreamSynchronize(e.stream()); }, "synchronised",
     "fuse::uncaptured"},
    {"cudaDeviceSynchronize", [](auto&, const vector&) { cudaDeviceSynchronize(); }, "synchronised",
     "fuse::uncaptured"},
    {"cudaStreamQuery", [](auto& e, const vector&) { cudaStreamQuery(e.stream()); }, "no graph can hold",
     "fuse::uncaptured"},
    {"cudaMalloc",
     [](auto&, const vector&) {
       void* p = nullptr;
       cudaMalloc(&p, 64);
     },
     "cudaMalloc", "fuse::uncaptured"},
    {"cudaFree",
     [](auto&, const vector&) {
       static char* const nothing = nullptr;
       cudaFree(nothing + 64);
     },
     "cudaFree", "fuse::uncaptured"},
    {"the default stream", [](auto&, const vector& h) { triple<<<1, 32>>>(h.data(), int(h.size())); },
     "gave work to the default stream", "stream()"},
    {"an event of outside", [](auto& e, const vector&) { cudaStreamWaitEvent(e.stream(), foreign_event, 0); },
     "waited for an event that was recorded outside", "wait before the call"},
    {"another thread synchronises",
     [](auto& e, const vector&) { std::thread([&] { cudaStreamSynchronize(e.stream()); }).join(); },
     "no graph can hold", "fuse::uncaptured"},
    {"synchronize", [](auto& e, const vector&) { e.synchronize(); }, "synchronize, upload and download",
     "fuse::uncaptured"},
    {"fetch", [](auto& e, const vector& h) { e.fetch(h.data()); }, "synchronize, upload and download",
     "fuse::uncaptured"},
    {"download", [](auto& e, const vector& h) { e.download(h); }, "synchronize, upload and download",
     "fuse::uncaptured"},
    {"upload",
     [](auto& e, const vector&) {
       e.upload(vector({2}, {1, 2}));
     },
     "synchronize, upload and download", "fuse::uncaptured"},
};

}  // namespace

TEST_CASE("calls that no graph can hold") {
  const silence quiet;
  const leak_check leaks;
  own_stream elsewhere;
  REQUIRE(cudaEventCreate(&foreign_event) == cudaSuccess);
  REQUIRE(cudaEventRecord(foreign_event, elsewhere) == cudaSuccess);
  {
    bench<> b;
    const auto x = b.made<vector>({8}, 1);
    const auto want = b.get(add(b.e, add(b.e, x, x), x));
    for (const illegal& wrong : illegal_calls) {
      CAPTURE(wrong.name);
      for (const bool last : {false, true}) {
        bool legal = false;
        fx::graphed step(b.e, [&](auto& e, const auto& p) {
          const auto h = add(e, p, p);
          if (!last && !legal) wrong.call(e, h);
          auto y = add(e, h, p);
          if (last && !legal) wrong.call(e, y);
          return y;
        });
        for (int round = 0; round < 2; ++round) {
          const auto said = refused([&] { step(x); });
          CAPTURE(said.text);
          CHECK(said.category == category::capture);
          CHECK(said.text.find("fuse") == 0);
          // A call that ignores its error is found at the next one, whose error hides what it was.
          CHECK((said.says(wrong.says) || said.says("made a call that no graph can hold")));
          CHECK((said.says(wrong.remedy) || said.says("fuse::uncaptured")));
          if (last) CHECK(said.says(wrong.says));
          CHECK(cudaGetLastError() == cudaSuccess);
          CHECK(same(b.get(add(b.e, add(b.e, x, x), x)), want));  // the stream is usable
        }
        CHECK(step.size() == 0);
        legal = true;
        CHECK(same(b.get(step(x)), want));
        CHECK(same(b.get(step(x)), want));
      }
    }
  }
  CHECK(cudaEventDestroy(foreign_event) == cudaSuccess);
}

TEST_CASE("illegal calls in nested functions and in loops") {
  const silence quiet;
  const leak_check leaks;
  bench<> b;
  bool legal = false;
  auto wrong = [&](auto& e, const auto& p) {
    if (!legal) {
      void* memory = nullptr;
      cudaMalloc(&memory, 64);
    }
    return add(e, p, p);
  };
  const auto x = b.made<vector>({8}, 1);
  SUBCASE("nested") {
    fx::graphed inner(b.e, wrong);
    fx::graphed outer(b.e, [&](auto& e, const auto& p) { return add(e, inner(p).view(), p); });
    for (int round = 0; round < 2; ++round) {
      const auto said = refused([&] { outer(x); });
      CHECK(said.category == category::capture);
      CHECK_SAYS(said, "no graph can hold");
      CHECK_SAYS(said, "fuse::uncaptured");
    }
    legal = true;
    CHECK(same(b.get(outer(x)), b.get(scale(b.e, x, 3.f))));
  }
  SUBCASE("in a loop") {
    const auto going = b.raised();
    fx::graphed step(b.e, [&](auto& e, const auto& p, const auto& g) {
      fx::while_loop(e, g, 2, [&](auto& again) {
        wrong(again, p);
        advance(again, fx::out(p, g), p, 100.f);
      });
    });
    for (int round = 0; round < 2; ++round) {
      const auto said = refused([&] { step(x, going); });
      CHECK(said.category == category::capture);
      CHECK_SAYS(said, "no graph can hold");
    }
    CHECK(b.get(x)[0] == 1);
    legal = true;
    step(x, going);
    CHECK(b.get(x)[0] == 3);
  }
}

TEST_CASE("work that another thread issues in the function's stream is part of the graph") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& p) {
    auto h = add(e, p, p);
    std::thread([&] { add(e, fx::out(h), h, p); }).join();
    return add(e, h, p);
  });
  for (int from : {0, 5}) {
    const auto x = b.made<vector>({8}, from);
    CHECK(same(b.get(step(x)), b.get(scale(b.e, x, 4.f))));
  }
  CHECK(step.counts().captures == 1);
}

TEST_CASE(
    "kernels that the CUDA runtime does not show, as those of other libraries: a graph for each set of addresses") {
  const silence quiet;
  bench<> b;
  fx::graphed step(b.e, [](auto& e, const auto& x) {
    const auto h = scale(e, x, 2.f);
    triple<<<1, 64, 0, e.stream()>>>(h.data(), int(h.size()));
    return add(e, h, x);
  });
  const auto x = b.made<vector>({20}), y = b.made<vector>({20}, 7);
  int captures = 0;
  for (const vector* in : {&x, &y}) {
    // The first capture looks at its nodes in order; the second node is the foreign one.
    if (in == &x) control::fail("cudaGraphKernelNodeGetParams", 2, cudaErrorInvalidDeviceFunction);
    ++captures;
    for (int round = 0; round < 2; ++round) {
      const auto got = b.get(step(*in)), host = b.get(*in);
      for (int i = 0; i < 20; ++i) CHECK(got[i] == 7 * host[i]);
      CHECK(step.counts().captures == captures);
      CHECK(step.counts().pinned == captures);
    }
  }
  control::clear_failures();
}

TEST_CASE("arguments that are memory no more, or memory of the host") {
  const silence quiet;
  bench<> b;
  fx::graph_options options;
  options.check_memory = true;
  fx::graphed step(
      b.e, [](auto& e, const auto& p, const auto& q) { return add(e, p, q); }, options);
  const auto x = b.made<vector>({8}, 1);
  float* lost = nullptr;
  REQUIRE(cudaMalloc(&lost, 32) == cudaSuccess);
  REQUIRE(cudaMemset(lost, 0, 32) == cudaSuccess);
  const fx::view<float, fx::extents<dyn>> gone(lost, {8});
  const auto want = b.get(step(x, gone));
  REQUIRE(cudaFree(lost) == cudaSuccess);
  const auto said = refused([&] { step(x, gone); });
  CHECK(said.category == category::argument);
  CHECK_SAYS(said, "fuse::graphed: memory 1 of the arguments: the pointer is not device memory, or no longer");
  const vector host({8}, {1, 2, 3, 4, 5, 6, 7, 8});
  CHECK_SAYS(refused([&] { step(host, x); }), "memory 0 of the arguments: the pointer is not device memory");
  const auto zeros = b.put(vector({8}, {0, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(same(b.get(step(x, zeros)), want));
  CHECK(step.counts().captures == 1);
}

namespace {

/// Runs a graphed function while the driver fails once. Whatever fails says so, and works when asked again.
class trial {
 public:
  explicit trial(long failing) : failing_(failing) {}
  int errors = 0;

  /// f(), again if it failed; any error has to be of the failure that was planted.
  template <class F>
  void attempt(F&& f) {
    if (once(f)) return;
    const bool second = once(f);
    CHECK(second);
  }
  template <class F>
  bool once(F&& f) {
    try {
      f();
      return true;
    } catch (const fx::error& e) {
      const std::string said = e.what(), call = control::last_failed();
      CAPTURE(said);
      CAPTURE(call);
      CHECK(failing_ > 0);
      CHECK(!call.empty());
      CHECK((said.find(call) != std::string::npos ||
             (call == "cudaLaunchKernel" && said.find("kernel launch") != std::string::npos) ||
             e.category() == category::capture || said.find("not device memory") != std::string::npos));
      ++errors;
      return false;
    }
  }

 private:
  long failing_;
};

/// Few streams for many scenes: the simulated device orders its work by all streams that there ever were.
struct streams {
  own_stream first, second;
};
struct scene {
  explicit scene(const streams& in) : b(in.first), second(in.second) {}
  bench<> b;
  cudaStream_t second;
  vector x = b.made<vector>({8}, 1), y = b.made<vector>({8}, 4), z = b.made<vector>({8}, 9);
  flag going = b.raised();
  /// Calls step with changing arguments: results are right every time.
  template <class Step, class Want>
  void play(trial& t, Step& step, const Want& want) {
    for (const auto& [p, a] : {std::pair(&x, 2.f), std::pair(&x, 2.f), std::pair(&y, 2.f), std::pair(&z, 3.f)}) {
      vector got;
      // A result has to be read before the next replay; an attempt is both.
      t.attempt([&] { got = b.get(step(*p, a)); });
      vector in;
      t.attempt([&] { in = b.get(*p); });
      REQUIRE(got.size() == in.size());
      for (int i = 0; i < 8; ++i) CHECK(got[i] == want(in[i], a));
    }
  }
};

template <class Make, class Want>
void fail_everywhere(const Make& make, const Want& want) {
  const silence quiet;
  const streams in;
  for (const cudaError_t code : {cudaErrorMemoryAllocation, cudaErrorInvalidValue, cudaErrorUnknown}) {
    CAPTURE(code);
    int errors = 0;
    const long failed = control::for_each_failure(
        [&](long failing) {
          trial t(failing);
          std::unique_ptr<scene> s;
          t.attempt([&] { s = std::make_unique<scene>(in); });
          REQUIRE(s);
          auto step = make(*s);
          s->play(t, *step, want);
          step->clear();
          t.attempt([&] { s->b.get((*step)(s->x, 5.f)); });
          errors += t.errors;
          cudaGetLastError();
        },
        code);
    CHECK(failed > 20);
    CHECK(errors > 0);
    CHECK(errors <= failed);
    MESSAGE(failed << " calls failed once, " << errors << " of them with an error, " << failed - errors
                   << " without harm");
  }
}

template <class F>
auto graph_of(scene& s, F f, fx::graph_options options = {}) {
  return std::make_unique<fx::graphed<fx::cuda_executor<>, F>>(s.b.e, f, options);
}

struct nest {
  struct scaled {
    auto operator()(auto& e, const auto& p, auto a) const { return scale(e, p, a); }
  };
  fx::graphed<fx::cuda_executor<>, scaled> inner;
  explicit nest(scene& s) : inner(s.b.e, {}) {}
  auto operator()(auto& e, const auto& p, auto a) { return add(e, inner(p, a).view(), p); }
};

}  // namespace

TEST_CASE("every call to the driver fails once: kernels") {
  fail_everywhere(
      [](scene& s) { return graph_of(s, [](auto& e, const auto& p, auto a) { return add(e, scale(e, p, a), p); }); },
      [](float x, float a) { return x * a + x; });
}
TEST_CASE("every call to the driver fails once: a nested graph") {
  fail_everywhere(
      [](scene& s) {
        auto n = std::make_shared<nest>(s);
        return graph_of(s, [n](auto& e, const auto& p, auto a) { return (*n)(e, p, a); });
      },
      [](float x, float a) { return x * a + x; });
}
TEST_CASE("every call to the driver fails once: a split graph") {
  fail_everywhere(
      [](scene& s) {
        return graph_of(s, [](auto& e, const auto& p, auto a) {
          const auto h = scale(e, p, a);
          fx::uncaptured(e, [](auto& ex) { ex.synchronize(); });
          return add(e, h, p);
        });
      },
      [](float x, float a) { return x * a + x; });
}
TEST_CASE("every call to the driver fails once: a loop") {
  fail_everywhere(
      [](scene& s) {
        return graph_of(s, [going = s.going.view()](auto& e, const auto& p, auto a) {
          auto h = scale(e, p, a);
          fx::while_loop(e, going, 3, [&](auto& again) { advance(again, fx::out(h, going), h, 1e9f); });
          return add(e, h, p);
        });
      },
      [](float x, float a) { return x * a + 3 + x; });
}
TEST_CASE("every call to the driver fails once: a fork") {
  fail_everywhere(
      [](scene& s) {
        return graph_of(s, [&s](auto& e, const auto& p, auto a) {
          auto branch = fx::fork(e, s.second);
          const auto h = scale(branch, p, a);
          const auto g = scale(e, p, 2.f);
          fx::join(e, branch);
          return add(e, h, g);
        });
      },
      [](float x, float a) { return x * a + 2 * x; });
}
TEST_CASE("every call to the driver fails once: a graph pinned to its addresses") {
  fail_everywhere(
      [](scene& s) {
        return graph_of(s, [](auto& e, const auto& p, auto a) {
          auto h = e.template empty<float, fx::extents<dyn>>({p.size()});
          fx::cuda::check(
              cudaMemcpyAsync(h.data(), p.data(), std::size_t(p.size()) * 4, cudaMemcpyDeviceToDevice, e.stream()),
              "cudaMemcpyAsync");
          return add(e, scale(e, h, a), p);
        });
      },
      [](float x, float a) { return x * a + x; });
}
TEST_CASE("every call to the driver fails once: falling back is allowed") {
  int fallbacks = 0;
  fail_everywhere(
      [&](scene& s) {
        fx::graph_options options;
        options.fall_back = true;
        options.capacity = 1;
        options.log = [&](const fx::text&) { ++fallbacks; };
        return graph_of(
            s, [](auto& e, const auto& p, auto a) { return add(e, scale(e, p, a), p); }, options);
      },
      [](float x, float a) { return x * a + x; });
  CHECK(fallbacks > 0);
}

TEST_CASE("a device that is lost: every call says so, and nothing crashes at the end") {
  const silence quiet;
  {
    bench<> b;
    const auto x = b.made<vector>({8}, 1), y = b.made<vector>({8}, 2);
    fx::graph_options options;
    options.check_memory = false;
    fx::graphed step(
        b.e, [](auto& e, const auto& p) { return add(e, add(e, p, p), p); }, options);
    step(x);
    step(y);
    b.e.synchronize();
    control::fail_execution(1, cudaErrorIllegalAddress);
    step(y);
    const auto at_synchronisation = refused([&] { b.e.synchronize(); });
    CHECK(at_synchronisation.category == category::cuda);
    CHECK_SAYS(at_synchronisation, "cudaStreamSynchronize failed: cudaErrorIllegalAddress");
    const auto at_launch = refused([&] { step(x); });
    CHECK(at_launch.category == category::cuda);
    CHECK_SAYS(at_launch, "cudaErrorIllegalAddress");
    const auto at_capture = refused([&] { step(b.made<vector>({9})); });
    CHECK(at_capture.category == category::cuda);
    CHECK(step.size() == 1);
  }
  control::clear_faults();
  bench<> b;
  const auto x = b.made<vector>({8}, 1);
  fx::graphed step(b.e, [](auto& e, const auto& p) { return add(e, add(e, p, p), p); });
  CHECK(same(b.get(step(x)), b.get(scale(b.e, x, 3.f))));
}

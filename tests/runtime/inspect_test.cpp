// SPDX-License-Identifier: Apache-2.0
// What people see of captured calls: explain, dot, the trace of a step, ranges for profilers.
#if defined(__CUDACC__) && !defined(FUSE_NVTX)
#define FUSE_NVTX
#endif
#include <fuse/runtime/inspect.hpp>
#include <fuse/runtime/trace.hpp>
#include <nlohmann/json.hpp>

#include "support/stage.hpp"

using namespace stage;

namespace {

constexpr auto scaled = fx::compile<"scaled">([](auto x, auto factor) { return x * factor; });
constexpr auto shifted = fx::compile<"shifted">([](auto x) { return x + 1.f; });
constexpr auto counted = fx::compile<"counted">([](auto x, auto limit) {
  auto y = x + 1.f;
  return fx::outputs(y, y < limit);
});

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("explain lists the graphs, their pieces and their nodes by name") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, auto x, auto factor) {
    auto y = scaled(e, x, factor);
    fx::uncaptured(
        e, [](auto&, auto) {}, x);
    return shifted(e, y);
  });
  CHECK(has(fx::explain(step), "0 captured, 0 replays"));
  const auto x = b.put(vector({4}, {1, 2, 3, 4}));
  step(x, 2.f);
  step(x, 3.f);
  const std::string words = fx::explain(step);
  CHECK(has(words, "1 captured, 2 replays, 1 rebound arguments"));
  CHECK(has(words, "graph 0: 3 nodes"));
  CHECK(has(words, "piece 0\n    kernel scaled\n  piece 1\n    call call\n  piece 2\n    kernel shifted\n"));
  const auto graphs = step.graphs();
  REQUIRE(graphs.size() == 1);
  CHECK(graphs[0].places >= 5);  // x, factor, the result of scaled twice, the result
  CHECK(graphs[0].bytes == step.counts().bytes);
}

TEST_CASE("dot draws the graph that was launched last, with its order") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, auto x) { return shifted(e, shifted(e, scaled(e, x, 2.f))); });
  CHECK(has(fx::dot(step), "digraph"));
  const auto x = b.put(vector({4}, {1, 2, 3, 4}));
  step(x);
  const std::string drawn = fx::dot(step);
  CHECK(has(drawn, "n0 [label=\"scaled\\nkernel\"]"));
  CHECK(has(drawn, "n0 -> n1"));
  CHECK(has(drawn, "n1 -> n2"));
  CHECK(!has(drawn, "n2 ->"));
  if (is_device) CHECK(has(drawn, "n0 -> n1 [style=dashed]"));  // started early
  CHECK(std::count(drawn.begin(), drawn.end(), '{') == std::count(drawn.begin(), drawn.end(), '}'));
}

TEST_CASE("loops are drawn with what they repeat") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, auto x, auto going, auto limit) {
    fx::while_loop(e, going, 10, [&](auto& inner) { counted(inner, fx::out(x, going), x, limit); });
  });
  const auto x = b.put(vector({1}, {0}));
  const auto going = b.put(flag({1}, {true}));
  step(x, going, 3.f);
  CHECK(b.get(x.view())[0] == 3);
  const std::string words = fx::explain(step);
  CHECK(has(words, "    loop while\n"));
  CHECK(has(words, "      kernel counted\n"));
}

TEST_CASE("a trace has every kernel by name, in order, in the format of Chrome") {
  bench<> b;
  const auto x = b.put(vector({4}, {1, 2, 3, 4}));
  const std::string text = fx::trace(b.e, [&] {
    auto y = scaled(b.e, x, 2.f);
    auto z = shifted(b.e, y);
    CHECK(b.get(z.view())[3] == 9);  // it runs, and may be waited for
  });
  const auto json = nlohmann::json::parse(text);
  const auto& events = json.at("traceEvents");
  REQUIRE(events.size() == 2);
  CHECK(events[0].at("name") == "scaled");
  CHECK(events[1].at("name") == "shifted");
  for (const auto& e : events) {
    CHECK(e.at("ph") == "X");
    CHECK(e.at("dur").get<double>() >= 0);
  }
  CHECK(events[1].at("ts").get<double>() >=
        events[0].at("ts").get<double>() + events[0].at("dur").get<double>() - 1e-2);
}

TEST_CASE("an executor is as it was after a trace, also after one that failed") {
  bench<> b;
  const auto x = b.put(vector({2}, {1, 2}));
  CHECK_THROWS_AS(fx::trace(b.e, [&] { throw fx::error(fx::error_category::argument, "wrong"); }), fx::error);
  CHECK(b.e.recording() == nullptr);
  CHECK(nlohmann::json::parse(fx::trace(b.e, [] {})).at("traceEvents").empty());
  CHECK(b.get(shifted(b.e, x).view())[1] == 3);
}

TEST_CASE("a graphed call may be traced from outside") {
  bench<> b;
  fx::graphed step(b.e, [](auto& e, auto x) { return shifted(e, x); });
  const auto x = b.put(vector({2}, {1, 2}));
  fx::trace(b.e, [&] { CHECK(b.get(step(x).view())[0] == 2); });
  CHECK(step.counts().replays == 1);
  CHECK(b.get(step(x).view())[1] == 3);
  CHECK(step.counts().captures == 1);
}

#if defined(FUSE_NVTX)
namespace {
// What a profiler linked into the program would do (nvtx3/nvtxDetail/nvtxInit.h: static injection).
std::vector<std::string> pushed;
int pops = 0;
int NVTX_API push(const char* name) {
  pushed.push_back(name);
  return int(pushed.size());
}
int NVTX_API pop() { return ++pops; }
int hang_in(NvtxGetExportTableFunc_t get_table) {
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned size = 0;
  if (!callbacks || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &table, &size)) return 0;
  *table[NVTX_CBID_CORE_RangePushA] = reinterpret_cast<NvtxFunctionPointer>(&push);
  *table[NVTX_CBID_CORE_RangePop] = reinterpret_cast<NvtxFunctionPointer>(&pop);
  return 1;
}
const bool hung_in = (InitializeInjectionNvtx2_fnptr = &hang_in) != nullptr;
}  // namespace

TEST_CASE("profilers see a range for each function and each replay") {
  bench<> b;
  const auto x = b.put(vector({2}, {1, 2}));
  pushed.clear();
  pops = 0;
  REQUIRE(hung_in);
  shifted(b.e, x);
  fx::graphed step(b.e, [](auto& e, auto v) { return shifted(e, v); });
  step(x);
  CHECK(std::count(pushed.begin(), pushed.end(), "shifted") >= 2);
  CHECK(pushed.back() == "fuse::graphed");
  CHECK(pops == int(pushed.size()));
}
#endif

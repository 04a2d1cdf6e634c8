// SPDX-License-Identifier: Apache-2.0
// What is left of the host executor's speed while another process keeps a core busy: calls of kernels of microseconds
// (a step of the shipped Llama), of tenths of a millisecond and of milliseconds, without the neighbour and with it by
// turns. times_quiet is the ratio of the speeds.
//
//   bench_host_neighbour --benchmark_filter=llama_step
#include <chrono>

#include "graphs.hpp"
#include "neighbour.hpp"
#include "random_source.hpp"

namespace {

using executor = fuse::host_executor<fuse::modes::any>;
using matrix = fuse::extents<fuse::dyn, 1024>;

constexpr auto softmax = fuse::compile<"softmax">([](auto x) { return fuse::nn::softmax(x); });

/// Seconds of a call while the machine is as it is: the mean, as what a stall costs is not in a median.
template <class Call>
double seconds_of(Call& call) {
  using clock = std::chrono::steady_clock;
  constexpr auto turn = std::chrono::milliseconds(50);
  int calls = 0;
  const auto start = clock::now();
  auto end = start;
  for (; end - start < turn; ++calls, end = clock::now()) call();
  return std::chrono::duration<double>(end - start).count() / calls;
}

template <class Call>
void measure(benchmark::State& state, const bench::neighbour& other, std::int64_t kernels, Call&& call) {
  std::vector<double> quiet, busy;
  for (auto _ : state) {
    for (int turn = 0; turn < 10; ++turn) {
      quiet.push_back(seconds_of(call));
      other.run();
      busy.push_back(seconds_of(call));
      other.stop();
    }
    state.SetIterationTime(1);  // one iteration is enough
  }
  state.counters["median_seconds"] = bench::median(busy);
  state.counters["times_quiet"] = bench::median(quiet) / bench::median(busy);
  state.counters["kernels"] = static_cast<double>(kernels);
}

void measure_softmax(benchmark::State& state, const bench::neighbour& other, fuse::index rows) {
  executor run;
  bench::random_source source(run);
  const auto in = source.normal<float, matrix>({rows, 1024});
  const auto out = source.empty<float, matrix>({rows, 1024});
  measure(state, other, 1, [&] { softmax(run, fuse::out(out), in); });
}

void measure_llama(benchmark::State& state, const bench::neighbour& other) {
  executor run;
  bench::llama_step<executor> step(run);
  step.issue();
  const std::int64_t kernels = run.launches();
  fuse::graphed call(run, [&](auto&) { step.issue(); }, {.how = fuse::mode::graphed});
  call();
  measure(state, other, kernels, call);
}

template <class Measure>
void add(const char* name, Measure f) {
  benchmark::RegisterBenchmark(name, f)->UseManualTime();
}

}  // namespace

int main(int argc, char** argv) {
  const bench::neighbour other;
  if (!other.is_there() || !bench::initialize_in_order(argc, argv)) return 1;
  benchmark::AddCustomContext("executor", "host");
  benchmark::AddCustomContext("threads", std::to_string(fuse::host_threads::count()));
  if (!bench::model_directory().empty())
    add("llama_step/bf16/neighbour", [&](benchmark::State& state) { measure_llama(state, other); });
  add("softmax_128/f32/neighbour", [&](benchmark::State& state) { measure_softmax(state, other, 128); });
  add("softmax_4096/f32/neighbour", [&](benchmark::State& state) { measure_softmax(state, other, 4096); });
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

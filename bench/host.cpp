// SPDX-License-Identifier: Apache-2.0
// Eager against fused on the host, and both against a copy: Google Benchmark. Each timed call is followed by an untimed
// copy of the same size on the same threads, so that percent_of_copy compares neighbours in time.
//
//   bench_host --benchmark_out=host.json --benchmark_out_format=json
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "host_copy.hpp"
#include "random_source.hpp"
#include "workloads.hpp"

namespace {

using executor = fuse::host_executor<fuse::modes::any>;

template <class F>
double seconds(const F& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <class W, class T>
void measure(benchmark::State& state, fuse::mode mode) {
  executor run(mode);
  bench::random_source source(run);
  const auto in = W::template inputs<T>(source);
  const auto out = W::template outputs<T>(source, in);
  const double bytes = bench::distinct_bytes(in, out);
  bench::host_copy copy(std::size_t(bytes / 2));
  bench::call<W>(run, in, out);
  copy();
  double in_work = 0, in_copy = 0;
  for (auto _ : state) {
    const double s = seconds([&] { bench::call<W>(run, in, out); });
    state.SetIterationTime(s);
    in_work += s;
    in_copy += seconds(copy);
  }
  const double calls = double(state.iterations());
  state.counters["bytes_per_second"] = bytes * calls / in_work;
  state.counters["percent_of_copy"] = 100 * (bytes / in_work) / (copy.bytes() / in_copy);
  if constexpr (requires { W::flops; }) state.counters["flops_per_second"] = W::flops * calls / in_work;
}

void measure_copy(benchmark::State& state, bool streaming) {
  bench::host_copy copy(std::size_t(bench::rows * bench::width) * sizeof(float), streaming);
  copy();
  double time = 0;
  for (auto _ : state) {
    const double s = seconds(copy);
    state.SetIterationTime(s);
    time += s;
  }
  state.counters["bytes_per_second"] = copy.bytes() * double(state.iterations()) / time;
}

}  // namespace

int main(int argc, char** argv) {
  // Defaults that suit a shared machine; what the command line says comes later and wins.
  std::vector<std::string> options = {argv[0], "--benchmark_repetitions=9", "--benchmark_min_time=0.05",
                                      "--benchmark_enable_random_interleaving=true", "--benchmark_report_aggregates_only=true"};
  options.insert(options.end(), argv + 1, argv + argc);
  std::vector<char*> arguments;
  for (std::string& s : options) arguments.push_back(s.data());
  int count = int(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;

  benchmark::RegisterBenchmark("copy/memcpy", measure_copy, false)->UseManualTime()->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("copy/streaming stores", measure_copy, true)->UseManualTime()->Unit(benchmark::kMillisecond);
  bench::for_each_work(bench::all_works{}, [](auto work, auto element) {
    using W = decltype(work);
    using T = decltype(element);
    for (const fuse::mode m : {fuse::mode::eager, fuse::mode::fused}) {
      const std::string name = std::string(W::name) + "/" + fuse::name_of(fuse::dtype_of<T>) + "/" + (m == fuse::mode::eager ? "eager" : "fused");
      benchmark::RegisterBenchmark(name.c_str(), measure<W, T>, m)->UseManualTime()->Unit(benchmark::kMillisecond);
    }
  });
  benchmark::AddCustomContext("executor", "host");
  benchmark::AddCustomContext("threads", std::to_string(bench::host_threads()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

// SPDX-License-Identifier: Apache-2.0
// What the benchmark programs share: their options, and a Google Benchmark for each work, element type and mode, named
// "work/dtype/mode".
#pragma once
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "workloads.hpp"

namespace bench {

/// Google Benchmark with defaults that suit a shared machine; what the command line says comes later and wins. False,
/// and a message, if it has an option that nobody knows.
inline bool initialize(int argc, char** argv) {
  static std::vector<std::string> options = {argv[0], "--benchmark_repetitions=9", "--benchmark_min_time=0.05",
                                             "--benchmark_enable_random_interleaving=true",
                                             "--benchmark_display_aggregates_only=true"};
  options.insert(options.end(), argv + 1, argv + argc);
  static std::vector<char*> arguments;
  for (std::string& s : options) arguments.push_back(s.data());
  int count = int(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  benchmark::AddCustomContext("compiler", __VERSION__);
  benchmark::AddCustomContext("divide", std::to_string(divide));
  return !benchmark::ReportUnrecognizedArguments(count, arguments.data());
}

/// measure.operator()<W, T>(state, mode) for each work, element type and mode.
template <class Measure>
void register_works(Measure measure) {
  for_each_work(all_works{}, [&](auto work, auto element) {
    using W = decltype(work);
    using T = decltype(element);
    for (const fuse::mode m : {fuse::mode::eager, fuse::mode::fused}) {
      const std::string name = std::string(W::name) + "/" + fuse::name_of(fuse::dtype_of<T>) + "/" +
                               (m == fuse::mode::eager ? "eager" : "fused");
      auto run = [measure, m](benchmark::State& state) { measure.template operator()<W, T>(state, m); };
      benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Unit(benchmark::kMillisecond);
    }
  });
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// What is reported of one repetition: medians, so that a call that something else interrupted does not count. Seconds
/// of each call, and of each copy that read and wrote `copied` bytes.
template <class W>
void report(benchmark::State& state, double bytes, const std::vector<double>& calls, double copied,
            const std::vector<double>& copies, double kernels) {
  const double call = median(calls), copy = median(copies);
  state.counters["median_seconds"] = call;
  state.counters["bytes_per_second"] = bytes / call;
  state.counters["copy_bytes_per_second"] = copied / copy;
  state.counters["percent_of_copy"] = 100 * (bytes / call) / (copied / copy);
  state.counters["kernels"] = kernels;
  if constexpr (requires { W::flops(); }) state.counters["flops_per_second"] = W::flops() / call;
}

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0
// Eager against fused on the host, and both against a copy: Google Benchmark. Each timed call is followed by an untimed
// copy of the same size on the same threads, so that percent_of_copy compares neighbours in time.
//
//   bench_host --benchmark_out=host.json --benchmark_out_format=json
//   FUSE_BENCH_DIVIDE=512 bench_host --dump DIRECTORY   # arguments and results of every work, for bench/peers
#include <chrono>
#include <cstring>

#include "dump.hpp"
#include "harness.hpp"
#include "host_copy.hpp"
#include "random_source.hpp"

namespace {

using executor = fuse::host_executor<fuse::modes::any>;

template <class F>
double seconds(const F& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct measure_work {
  template <class W, class T>
  void operator()(benchmark::State& state, fuse::mode mode) const {
    executor run(mode);
    bench::random_source source(run);
    const auto in = W::template inputs<T>(source);
    const auto out = W::template outputs<T>(source, in);
    const double bytes = bench::distinct_bytes(in, out);
    bench::host_copy copy(std::size_t(bytes / 2), bench::stores_that_copy_quicker());
    bench::call<W>(run, in, out);
    const double kernels = double(run.launches());
    copy();
    std::vector<double> calls, copies;
    for (auto _ : state) {
      const double s = seconds([&] { bench::call<W>(run, in, out); });
      state.SetIterationTime(s);
      calls.push_back(s);
      copies.push_back(seconds(copy));
    }
    bench::report<W>(state, bytes, calls, copy.bytes(), copies, kernels);
  }
};

/// The arguments before and the results after one fused call of each work.
void dump_works(const std::string& directory) {
  bench::for_each_work(bench::all_works{}, [&](auto work, auto element) {
    using W = decltype(work);
    using T = decltype(element);
    executor run(fuse::mode::fused);
    bench::random_source source(run);
    const auto in = W::template inputs<T>(source);
    const auto out = W::template outputs<T>(source, in);
    const std::string name = std::string(W::name) + "." + fuse::name_of(fuse::dtype_of<T>);
    bench::dump(directory, name + ".in", in);
    bench::call<W>(run, in, out);
    bench::dump(directory, name + ".out", out);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--dump") == 0) {
    dump_works(argv[2]);
    return 0;
  }
  if (!bench::initialize(argc, argv)) return 1;
  benchmark::AddCustomContext("executor", "host");
  benchmark::AddCustomContext("threads", std::to_string(fuse::host_threads::count()));
  benchmark::AddCustomContext(
      "copy", bench::stores_that_copy_quicker() == bench::copy_stores::streaming ? "streaming stores" : "memcpy");
  bench::register_works(measure_work{});
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

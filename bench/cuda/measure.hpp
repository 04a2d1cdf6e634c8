// SPDX-License-Identifier: Apache-2.0
// A work on a GPU beside a copy of as many bytes there. Each source in this folder instantiates measure_on_device for
// some works, so that they are compiled at once and none of them takes the memory of all.
#pragma once
#include <cuda_runtime_api.h>

#include <fuse/exec/cuda_executor.hpp>
#include <utility>

#include "../harness.hpp"
#include "../random_source.hpp"
#include "measured.hpp"

namespace bench {

using fuse::cuda::check;

/// Seconds that work put on a stream takes there.
class stopwatch {
 public:
  explicit stopwatch(cudaStream_t stream) : stream_(stream) {
    check(cudaEventCreate(&begin_), "cudaEventCreate");
    check(cudaEventCreate(&end_), "cudaEventCreate");
  }
  ~stopwatch() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  stopwatch(const stopwatch&) = delete;
  stopwatch& operator=(const stopwatch&) = delete;

  template <class F>
  double seconds(const F& f) {
    float milliseconds = 0;
    check(cudaEventRecord(begin_, stream_), "cudaEventRecord");
    f();
    check(cudaEventRecord(end_, stream_), "cudaEventRecord");
    check(cudaEventSynchronize(end_), "cudaEventSynchronize");
    check(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
    return milliseconds * 1e-3;
  }

 private:
  cudaStream_t stream_;
  cudaEvent_t begin_{}, end_{};
};

/// A stream for as long as a benchmark runs.
struct owned_stream {
  cudaStream_t stream{};
  owned_stream() { check(cudaStreamCreate(&stream), "cudaStreamCreate"); }
  ~owned_stream() { cudaStreamDestroy(stream); }
  owned_stream(const owned_stream&) = delete;
  owned_stream& operator=(const owned_stream&) = delete;
};

/// Sets of `bytes` to rotate through, so that twice the L2 cache is touched between two uses of one.
inline int sets_for(double bytes) {
  int device = 0, cache = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, device), "cudaDeviceGetAttribute");
  const double needed = 2 * double(cache) / bytes;
  constexpr int most = 64;  // tiny shapes: nobody measures those
  return needed < most - 2 ? 2 + int(needed) : most;
}

template <class W, class T>
void measure_on_device(benchmark::State& state, fuse::mode mode) {
  owned_stream owned;
  fuse::cuda_executor<fuse::modes::any> run(owned.stream, mode);
  random_source source(run);
  auto make = [&] {
    auto in = W::template inputs<T>(source);
    auto out = W::template outputs<T>(source, in);
    return std::pair{in, out};
  };
  std::vector<decltype(make())> sets;
  sets.push_back(make());
  const double bytes = distinct_bytes(sets[0].first, sets[0].second);
  const int wanted = divide > 1 ? 2 : sets_for(bytes);
  while (int(sets.size()) < wanted) sets.push_back(make());

  const std::size_t half = std::size_t(bytes / 2);
  std::vector<fuse::buffer> from, to;
  for (int i = 0; i < wanted; ++i) from.push_back(run.allocate(half)), to.push_back(run.allocate(half));

  for (const auto& [in, out] : sets) call<W>(run, in, out);  // loads the code
  const std::int64_t before = run.launches();
  call<W>(run, sets[0].first, sets[0].second);
  const double kernels = double(run.launches() - before);
  run.synchronize();

  stopwatch watch(owned.stream);
  const int batch = divide > 1 ? wanted : (8 + wanted - 1) / wanted * wanted;
  std::vector<double> calls, copies;  // seconds of one, of the batch's time
  for (auto _ : state) {
    const double s = watch.seconds([&] {
      for (int i = 0; i < batch; ++i) call<W>(run, sets[i % wanted].first, sets[i % wanted].second);
    });
    state.SetIterationTime(s / batch);
    calls.push_back(s / batch);
    const double t = watch.seconds([&] {
      for (int i = 0; i < batch; ++i)
        check(cudaMemcpyAsync(to[i % wanted].data(), from[i % wanted].data(), half, cudaMemcpyDeviceToDevice,
                              owned.stream),
              "cudaMemcpyAsync");
    });
    copies.push_back(t / batch);
  }
  report<W>(state, bytes, calls, 2.0 * double(half), copies, kernels);
}

}  // namespace bench

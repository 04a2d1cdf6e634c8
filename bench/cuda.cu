// SPDX-License-Identifier: Apache-2.0
// Eager against fused on a GPU, and both against a copy on the device: Google Benchmark. Calls are timed by events,
// many in a row, as a model makes them; each such batch is followed by a batch of copies of as many bytes. Arguments
// and results rotate through so much memory that no call finds anything of its own in the L2 cache.
//
//   bench_cuda --benchmark_out=cuda.json --benchmark_out_format=json
//   FUSE_BENCH_DIVIDE=4096 bench_cuda_simulated --benchmark_repetitions=1 --benchmark_min_time=0   # the program, not
//   its speed
#include <cuda_runtime_api.h>

#include <cstdio>
#include <fuse/exec/cuda_executor.hpp>

#include "cuda/device.hpp"
#include "cuda/measured.hpp"
#include "harness.hpp"

namespace {

struct measure_work {
  template <class W, class T>
  void operator()(benchmark::State& state, fuse::mode mode) const {
    bench::measure_on_device<W, T>(state, mode);
  }
};

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  const cudaError_t e = cudaGetDeviceCount(&devices);
  if (e != cudaSuccess || devices == 0) {
    std::fprintf(stderr, "bench_cuda: no GPU to measure on (%s); bench_host measures the host executor\n",
                 cudaGetErrorString(e));
    return 77;
  }
  if (!bench::initialize(argc, argv)) return 1;
  bench::tell_device();
  bench::register_works(measure_work{});
  try {
    benchmark::RunSpecifiedBenchmarks();
  } catch (const fuse::error& failure) {
    std::fprintf(stderr, "bench_cuda: %s\n", failure.what());
    return 1;
  }
  benchmark::Shutdown();
}

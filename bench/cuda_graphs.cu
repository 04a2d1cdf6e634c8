// SPDX-License-Identifier: Apache-2.0
// What launching costs on a GPU, for the host and for the device: graphs.hpp says what is measured.
//
//   bench_cuda_graphs --benchmark_filter=chain
#include <cuda_runtime_api.h>

#include <chrono>
#include <cstdio>

#include "cuda/device.hpp"
#include "graphs.hpp"

template class llama::any_model<fuse::cuda_executor<fuse::modes::any>>;
template class llama::model<fuse::bf16, fuse::cuda_executor<fuse::modes::any>>;

namespace {

using fuse::cuda::check;

struct owned_stream {
  cudaStream_t stream = nullptr;
  owned_stream() { check(cudaStreamCreate(&stream), "cudaStreamCreate"); }
  ~owned_stream() { cudaStreamDestroy(stream); }
  owned_stream(const owned_stream&) = delete;
  owned_stream& operator=(const owned_stream&) = delete;
};
struct owned_event {
  cudaEvent_t event = nullptr;
  owned_event() { check(cudaEventCreate(&event), "cudaEventCreate"); }
  ~owned_event() { cudaEventDestroy(event); }
  owned_event(const owned_event&) = delete;
  owned_event& operator=(const owned_event&) = delete;
};

struct device_place {
  using executor_type = fuse::cuda_executor<fuse::modes::any>;
  owned_stream owned;
  owned_event begin, end;
  executor_type executor{owned.stream, fuse::mode::fused};

  template <class Call>
  bench::call_time time(Call& call) {
    using clock = std::chrono::steady_clock;
    const auto seconds = [](clock::duration d) { return std::chrono::duration<double>(d).count(); };
    check(cudaEventRecord(begin.event, owned.stream), "cudaEventRecord");
    const auto start = clock::now();
    call();
    const auto issued = clock::now();
    check(cudaEventRecord(end.event, owned.stream), "cudaEventRecord");
    check(cudaStreamSynchronize(owned.stream), "cudaStreamSynchronize");
    const auto done = clock::now();
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin.event, end.event), "cudaEventElapsedTime");
    return {seconds(done - start), seconds(issued - start), 1e-3 * static_cast<double>(milliseconds)};
  }
};

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  const cudaError_t e = cudaGetDeviceCount(&devices);
  if (e != cudaSuccess || devices == 0) {
    std::fprintf(stderr, "bench_cuda_graphs: no GPU to measure on (%s); bench_host_graphs measures the host executor\n",
                 cudaGetErrorString(e));
    return 77;
  }
  if (!bench::initialize_in_order(argc, argv)) return 1;
  bench::tell_device();
  bench::register_graphs<device_place>();
  try {
    benchmark::RunSpecifiedBenchmarks();
  } catch (const fuse::error& failure) {
    std::fprintf(stderr, "bench_cuda_graphs: %s\n", failure.what());
    return 1;
  }
  benchmark::Shutdown();
}

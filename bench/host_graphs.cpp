// SPDX-License-Identifier: Apache-2.0
// What launching costs on the host executor: graphs.hpp says what is measured.
//
//   bench_host_graphs --benchmark_filter=chain
#include <chrono>

#include "graphs.hpp"

namespace {

struct host_place {
  using executor_type = fuse::host_executor<fuse::modes::any>;
  executor_type executor{fuse::mode::fused};

  template <class Call>
  bench::call_time time(Call& call) {
    const auto start = std::chrono::steady_clock::now();
    call();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return {seconds, seconds};
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (!bench::initialize_in_order(argc, argv)) return 1;
  benchmark::AddCustomContext("executor", "host");
  benchmark::AddCustomContext("threads", std::to_string(fuse::host_threads::count()));
  bench::register_graphs<host_place>();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

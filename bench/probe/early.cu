// SPDX-License-Identifier: Apache-2.0
// Kernels that may begin before the work in front of them has ended: are values right, and what is won?
#include "probe.hpp"
#include "questions.hpp"

namespace probe {

namespace {

constexpr int n = 1 << 16;

/// a -> b -> c -> a, where the last writes what the first reads.
void chain(cudaStream_t s, int* a, int* b, int* c, int naps) {
  need(launch(s, true, 64, 256, add_one, a, b, n, naps), "launch");
  need(launch(s, true, 64, 256, add_one, b, c, n, 0), "launch");
  need(launch(s, true, 64, 256, add_one, c, a, n, 0), "launch");
}

}  // namespace

void early_in_a_stream() {
  const cudaStream_t s = new_stream();
  int *const a = memory<int>(n), *const b = memory<int>(n), *const c = memory<int>(n);
  const int rounds = divided(500);
  int wrong = 0;
  for (int round = 1; round <= rounds; ++round) {
    need(cudaMemsetAsync(a, 0, n * sizeof(int), s), "cudaMemsetAsync");
    chain(s, a, b, c, round % 7);
    need(cudaStreamSynchronize(s), "cudaStreamSynchronize");
    wrong += read(a) != 3 || read(a + n - 1) != 3;
  }
  expect("chains with a wrong result", wrong, 0);
}

void early_in_a_graph() {
  const cudaStream_t s = new_stream();
  int *const a = memory<int>(n), *const b = memory<int>(n), *const c = memory<int>(n);
  constexpr int chains = 20;
  begin_capture(s);
  for (int i = 0; i < chains; ++i) chain(s, a, b, c, i % 5);
  const cudaGraph_t g = end_capture(s);
  expect("edges that let a kernel begin early", edges_of(g).early, 3 * chains - 1);
  const cudaGraphExec_t x = instantiated(g);
  const int rounds = divided(100);
  int wrong = 0;
  for (int round = 1; round <= rounds; ++round) {
    run(x, s);
    wrong += read(a) != 3 * chains * round || read(a + n - 1) != 3 * chains * round;
  }
  expect("replays with a wrong result", wrong, 0);
}

void early_costs() {
  int* const p = memory<int>(64);
  const cudaStream_t s = new_stream();
  for (const bool early : {false, true})
    for (const int kernels : {1, 10, 100, 1000}) {
      begin_capture(s);
      for (int i = 0; i < kernels; ++i) need(launch(s, early, 132, 128, add_one, p, p, 64, 0), "launch");
      const cudaGraphExec_t x = instantiated(end_capture(s));
      run(x, s);
      const launch_time t = quickest(divided(30), s, [&] { need(cudaGraphLaunch(x, s), "cudaGraphLaunch"); });
      const std::string what = std::to_string(kernels) + (early ? " early kernels" : " kernels") + " in a graph";
      measured(what + ", device, each", t.device / kernels, "us");
      measured(what + ", host, all", t.host, "us");
    }
}

}  // namespace probe

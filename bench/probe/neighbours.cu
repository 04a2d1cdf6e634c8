// SPDX-License-Identifier: Apache-2.0
// An early kernel behind what is no kernel, and behind a join: is it taken, is the edge early, is the result right?
#include "probe.hpp"
#include "questions.hpp"

namespace probe {

namespace {

/// work(stream) is captured, then replayed twice; `result` is to hold `expected` at the end.
template <class F>
void replay(const int* result, int expected, F work) {
  const cudaStream_t s = new_stream();
  begin_capture(s);
  work(s);
  cudaGraph_t g = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(s, &g);
  expect("the capture", ended);
  if (ended != cudaSuccess) return;
  const edge_counts edges = edges_of(g);
  found("edges", std::to_string(edges.early) + " early, " + std::to_string(edges.full) + " full");
  cudaGraphExec_t x = nullptr;
  const cudaError_t made = cudaGraphInstantiate(&x, g, 0);
  expect("instantiating it", made);
  if (made != cudaSuccess) return;
  for (int i = 0; i < 2; ++i) {
    expect("a replay", cudaGraphLaunch(x, s));
    expect("waiting for it", cudaStreamSynchronize(s));
  }
  expect("the result", read(result), expected);
}

constexpr int n = 1 << 14;
cudaError_t early(cudaStream_t s, const int* from, int* to, int naps = 0) {
  return launch(s, true, 64, 256, add_one, from, to, n, naps);
}

}  // namespace

void after_a_fill() {
  int *const a = memory<int>(n), *const b = memory<int>(n);
  replay(b, 1, [&](cudaStream_t s) {
    need(early(s, a, b, 50), "launch");
    need(cudaMemsetAsync(a, 0, n * sizeof(int), s), "cudaMemsetAsync");
    expect("the early launch", early(s, a, b));
  });
}

void after_a_copy() {
  int *const a = memory<int>(n), *const b = memory<int>(n), *const c = memory<int>(n);
  replay(c, 2, [&](cudaStream_t s) {
    need(early(s, c, a, 50), "launch");
    need(cudaMemcpyAsync(a, b, n * sizeof(int), cudaMemcpyDeviceToDevice, s), "cudaMemcpyAsync");
    expect("the early launch", early(s, a, c));
    need(early(s, c, c), "launch");
  });
}

void after_a_child_graph() {
  int *const a = memory<int>(n), *const b = memory<int>(n);
  const cudaStream_t other = new_stream();
  begin_capture(other);
  need(early(other, b, a, 20), "launch");
  need(early(other, a, b), "launch");
  const cudaGraph_t inner = end_capture(other);
  replay(a, 10, [&](cudaStream_t s) {
    need(early(s, a, b), "launch");
    cudaStreamCaptureStatus status{};
    cudaGraph_t g = nullptr;
    const cudaGraphNode_t* after = nullptr;
    const cudaGraphEdgeData* edges = nullptr;
    std::size_t count = 0;
    need(cudaStreamGetCaptureInfo(s, &status, nullptr, &g, &after, &edges, &count), "cudaStreamGetCaptureInfo");
    cudaGraphNodeParams p{};
    p.type = cudaGraphNodeTypeGraph;
    p.graph.graph = inner;
    cudaGraphNode_t node = nullptr;
    expect("adding a child graph to a capture", cudaGraphAddNode(&node, g, after, nullptr, count, &p));
    expect("going on behind it",
           cudaStreamUpdateCaptureDependencies(s, &node, nullptr, 1, cudaStreamSetCaptureDependencies));
    expect("the early launch", early(s, b, a));
    need(early(s, a, a), "launch");
  });
}

void after_a_join() {
  int *const a = memory<int>(n), *const b = memory<int>(n), *const c = memory<int>(n), *const d = memory<int>(n);
  const cudaStream_t side = new_stream(cudaStreamNonBlocking);
  cudaEvent_t forked{}, joined{};
  need(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  need(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  replay(a, 6, [&](cudaStream_t s) {
    need(early(s, a, b, 20), "launch");
    need(cudaEventRecord(forked, s), "cudaEventRecord");
    need(cudaStreamWaitEvent(side, forked, 0), "cudaStreamWaitEvent");
    expect("an early launch behind the fork", early(side, b, c, 20));
    expect("an early launch beside it", early(s, b, d));
    need(cudaEventRecord(joined, side), "cudaEventRecord");
    need(cudaStreamWaitEvent(s, joined, 0), "cudaStreamWaitEvent");
    expect("an early launch behind the join", early(s, c, a));
  });
}

}  // namespace probe

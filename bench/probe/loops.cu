// SPDX-License-Identifier: Apache-2.0
// WHILE nodes, whose bodies are captured into the graph that the node owns.
#include "probe.hpp"
#include "questions.hpp"

namespace probe {

namespace {

constexpr int turns = 5;

/// Before the loop, counts from 0; in its body, one turn more. The loop goes on while there are turns left.
__global__ void decide(cudaGraphConditionalHandle going, int* count, bool first) {
  wait_for_work_before();
  const int done = first ? 0 : *count + 1;
  *count = done;
  cudaGraphSetConditional(going, done < turns);
}

struct position {
  cudaGraph_t graph{};
  const cudaGraphNode_t* after{};
  std::size_t count = 0;
};
position position_of(cudaStream_t s) {
  cudaStreamCaptureStatus status{};
  const cudaGraphEdgeData* edges = nullptr;
  position at;
  need(cudaStreamGetCaptureInfo(s, &status, nullptr, &at.graph, &at.after, &edges, &at.count),
       "cudaStreamGetCaptureInfo");
  return at;
}

/// A loop in the stream that is being captured.
struct loop_node {
  cudaGraphConditionalHandle going{};
  int* counter;
  cudaGraph_t body{};
  bool early;

  loop_node(cudaStream_t s, bool starts_early) : counter(memory_before_capture()), early(starts_early) {
    need(cudaGraphConditionalHandleCreate(&going, position_of(s).graph, 0, 0), "cudaGraphConditionalHandleCreate");
    need(launch(s, early, 1, 1, decide, going, counter, true), "launch");
    const position at = position_of(s);
    cudaGraphNodeParams p{};
    p.type = cudaGraphNodeTypeConditional;
    p.conditional.handle = going;
    p.conditional.type = cudaGraphCondTypeWhile;
    p.conditional.size = 1;
    cudaGraphNode_t node{};
    need(cudaGraphAddNode(&node, at.graph, at.after, nullptr, at.count, &p), "cudaGraphAddNode");
    need(cudaStreamUpdateCaptureDependencies(s, &node, nullptr, 1, cudaStreamSetCaptureDependencies),
         "cudaStreamUpdateCaptureDependencies");
    body = p.conditional.phGraph_out[0];
  }
  /// work(stream) becomes the body.
  template <class F>
  void fill(F work) const {
    const cudaStream_t side = new_stream(cudaStreamNonBlocking);
    need(cudaStreamBeginCaptureToGraph(side, body, nullptr, nullptr, 0, cudaStreamCaptureModeThreadLocal),
         "cudaStreamBeginCaptureToGraph");
    work(side);
    need(launch(side, early, 1, 1, decide, going, counter, false), "launch");
    expect("the capture of a body gives the node's graph", end_capture(side) == body, 1);
  }

  /// Memory taken before any capture began: taking it is not allowed later.
  static int* memory_before_capture() {
    static int* next = memory<int>(16);
    return next++;
  }
};

/// values[0] += 2 in each turn of a loop, and 1 behind it.
struct looped {
  cudaStream_t s = new_stream();
  int* values = memory<int>(64);
  cudaGraph_t graph{};

  looped(bool early, bool nested) {
    loop_node::memory_before_capture();
    begin_capture(s);
    const loop_node outer(s, early);
    outer.fill([&](cudaStream_t side) {
      add(side, early);
      add(side, early);
      if (nested) loop_node(side, early).fill([&](cudaStream_t inner) { add(inner, early); });
    });
    add(s, early);
    graph = end_capture(s);
  }
  void add(cudaStream_t stream, bool early) const {
    expect(early ? "an early launch" : "a launch", launch(stream, early, 1, 64, add_one, values, values, 64, 0));
  }
};

void check_loop(bool early, bool nested) {
  const looped l(early, nested);
  cudaGraphExec_t x = nullptr;
  const cudaError_t made = cudaGraphInstantiate(&x, l.graph, 0);
  expect("instantiating it", made);
  if (made != cudaSuccess) return;
  const int each = turns * (2 + (nested ? turns : 0)) + 1;
  for (int i = 1; i <= 2; ++i) {
    expect("a replay", cudaGraphLaunch(x, l.s));
    expect("waiting for it", cudaStreamSynchronize(l.s));
    expect("the result", read(l.values), i * each);
  }
}

/// Captures a body in which a call is not allowed, into `graph`; returns whether the capture said so.
void capture_broken_body(cudaGraph_t graph, int* values) {
  const cudaStream_t side = new_stream(cudaStreamNonBlocking);
  need(cudaStreamBeginCaptureToGraph(side, graph, nullptr, nullptr, 0, cudaStreamCaptureModeThreadLocal),
       "cudaStreamBeginCaptureToGraph");
  need(launch(side, true, 1, 64, add_one, values, values, 64, 0), "launch");
  expect("a call that is not allowed", cudaStreamSynchronize(side), cudaErrorStreamCaptureUnsupported);
  expect("the capture of the body", capture_status(side), "is invalidated");
  cudaGraph_t same = nullptr;
  expect("ending it", cudaStreamEndCapture(side, &same), cudaErrorStreamCaptureInvalidated);
}

}  // namespace

void loop() { check_loop(false, false); }
void loop_early() { check_loop(true, false); }
void loop_nested() { check_loop(true, true); }

void loop_again() {  // one instantiation after another: what fuse does
  const looped l(false, false);
  cudaGraphExec_t x = instantiated(l.graph);
  run(x, l.s);
  need(cudaGraphExecDestroy(x), "cudaGraphExecDestroy");
  expect("instantiating a graph with a loop again, the first destroyed", cudaGraphInstantiate(&x, l.graph, 0));
  expect("a replay", cudaGraphLaunch(x, l.s));
  need(cudaGraphExecDestroy(x), "cudaGraphExecDestroy");
  expect("the same while a replay of the destroyed one runs", cudaGraphInstantiate(&x, l.graph, 0));
  expect("waiting for it", cudaStreamSynchronize(l.s));
  expect("the result of two replays", read(l.values), 2 * (2 * turns + 1));
  expect("a third", cudaGraphLaunch(x, l.s));
  expect("waiting for it", cudaStreamSynchronize(l.s));
  expect("the result of three", read(l.values), 3 * (2 * turns + 1));
}

void loop_twice() {  // said not to be allowed; fuse does not rely on a refusal
  const looped l(false, false);
  cudaGraphExec_t first = instantiated(l.graph), second = nullptr;
  found("a second instantiation beside the first", cudaGraphInstantiate(&second, l.graph, 0));
  found("a replay of the first", cudaGraphLaunch(first, l.s));
  found("waiting for it", cudaStreamSynchronize(l.s));
}

void loop_rehearsed() {  // the body is tried in a graph of its own, which may fail without harm to the loop around it
  const cudaStream_t s = new_stream();
  int* const values = memory<int>(64);
  loop_node::memory_before_capture();
  begin_capture(s);
  need(launch(s, true, 1, 64, add_one, values, values, 64, 0), "launch");
  cudaGraph_t rehearsal = nullptr;
  need(cudaGraphCreate(&rehearsal, 0), "cudaGraphCreate");
  capture_broken_body(rehearsal, values);
  expect("destroying the graph of the rehearsal", cudaGraphDestroy(rehearsal));
  found("the capture around it", capture_status(s));
  cudaGraph_t g = nullptr;
  found("ending that", cudaStreamEndCapture(s, &g));
  begin_capture(s);
  need(launch(s, true, 1, 64, add_one, values, values, 64, 0), "launch");
  const cudaGraphExec_t x = instantiated(end_capture(s));
  run(x, s);
  expect("the result of another capture", read(values), 1);
}

void loop_in_a_child() {
  const looped l(false, false);
  cudaGraph_t outer = nullptr;
  cudaGraphNode_t child = nullptr;
  need(cudaGraphCreate(&outer, 0), "cudaGraphCreate");
  const cudaError_t added = cudaGraphAddChildGraphNode(&child, outer, nullptr, 0, l.graph);
  found("a graph with a loop as a child graph", added);
  if (added != cudaSuccess) return;
  cudaGraphExec_t x = nullptr;
  const cudaError_t made = cudaGraphInstantiate(&x, outer, 0);
  found("instantiating the outer graph", made);
  if (made != cudaSuccess) return;
  run(x, l.s);
  found("the result, of " + std::to_string(2 * turns + 1), std::to_string(read(l.values)));
}

void loop_broken() {  // what a failure inside the node's own graph does: said to end in a crash
  const cudaStream_t s = new_stream();
  int* const values = memory<int>(64);
  loop_node::memory_before_capture();
  begin_capture(s);
  const loop_node node(s, true);
  capture_broken_body(node.body, values);
  cudaGraph_t g = nullptr;
  found("ending the capture around it", cudaStreamEndCapture(s, &g));
  found("both captures ended", "without a crash");
}

}  // namespace probe

// SPDX-License-Identifier: Apache-2.0
// Nodes of captured graphs: what they show, in which order, and whether they can be bound to other addresses.
#include <cstring>

#include "probe.hpp"
#include "questions.hpp"

namespace probe {

namespace {

struct packed {
  const int* from;
  int* to;
  long long n;
};
__global__ void by_struct(packed s, float more) {
  if (threadIdx.x < s.n) s.to[threadIdx.x] = s.from[threadIdx.x] + int(more);
}

cudaKernelNodeParams parameters_of(cudaGraphNode_t node) {
  cudaKernelNodeParams p{};
  need(cudaGraphKernelNodeGetParams(node, &p), "cudaGraphKernelNodeGetParams");
  return p;
}

constexpr int links = 200;

/// A chain of early kernels between two placeholders.
cudaGraph_t captured_chain(cudaStream_t s) {
  begin_capture(s);
  for (int i = 0; i < links; ++i)
    need(launch(s, true, 1, 64, add_one, placeholder(i % 2), placeholder((i + 1) % 2), 64, 0), "launch");
  return end_capture(s);
}
/// set(node, parameters) for each node, with the placeholders' places taken by `even` and `odd`. Success, or the first
/// failure.
template <class F>
cudaError_t bind(const std::vector<cudaGraphNode_t>& nodes, int* even, int* odd, F set) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    cudaKernelNodeParams p = parameters_of(nodes[i]);
    int *from = i % 2 ? odd : even, *to = i % 2 ? even : odd, n = 64, naps = 0;
    void* values[] = {&from, &to, &n, &naps};
    p.kernelParams = values;
    p.extra = nullptr;
    if (const cudaError_t e = set(nodes[i], p); e != cudaSuccess) return e;
  }
  return cudaSuccess;
}
const auto in_graph = [](cudaGraphNode_t node, const cudaKernelNodeParams& p) {
  return cudaGraphKernelNodeSetParams(node, &p);
};
auto in_executable(cudaGraphExec_t x) {
  return [x](cudaGraphNode_t node, const cudaKernelNodeParams& p) {
    return cudaGraphExecKernelNodeSetParams(x, node, &p);
  };
}

}  // namespace

void parameters() {
  const cudaStream_t s = new_stream();
  begin_capture(s);
  need(launch(s, true, 4, 64, add_one, placeholder(0), placeholder(1), 99, 0), "launch");
  need(launch(s, false, 1, 32, by_struct, packed{placeholder(1), placeholder(2), 32}, 2.f), "launch");
  need(launch(s, true, 4, 64, add_one, placeholder(2), placeholder(3), 99, 0), "launch");
  const cudaGraph_t g = end_capture(s);
  const auto nodes = nodes_of(g);
  expect("nodes", long(nodes.size()), 3);
  std::size_t counted = 0;
  found("cudaGraphGetEdges without arrays", cudaGraphGetEdges(g, nullptr, nullptr, nullptr, &counted));
  const edge_counts edges = edges_of(g);
  expect("early edges", edges.early, 1);
  expect("full edges", edges.full, 1);
  const int* const first[] = {placeholder(0), placeholder(1), placeholder(2)};
  const long values[] = {4, 2, 4};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::string node = "node " + std::to_string(i) + ": ";
    const cudaKernelNodeParams p = parameters_of(nodes[i]);
    expect(node + "kernelParams", p.kernelParams ? "there" : "null", "there");
    if (!p.kernelParams) continue;
    const int* shown = nullptr;
    std::memcpy(&shown, p.kernelParams[0], sizeof shown);
    expect(node + "shows the address it was captured with", shown == first[i], 1);
    std::size_t offset = 0, size = 0;
    int count = 0;
    cudaError_t e = cudaSuccess;
    while ((e = cudaFuncGetParamInfo(p.func, std::size_t(count), &offset, &size)) == cudaSuccess) ++count;
    expect(node + "parameters", count, values[i]);
    expect(node + "a parameter that is not there", e, cudaErrorInvalidValue);
    const char* name = nullptr;
    expect(node + "has a name", cudaFuncGetName(&name, p.func));
  }
}

void node_order() {
  const cudaStream_t s = new_stream();
  constexpr unsigned count = 50;
  begin_capture(s);
  for (unsigned i = 1; i <= count; ++i)
    need(launch(s, i % 3 != 0, i, 32, add_one, placeholder(0), placeholder(1), 9, 0), "launch");
  const cudaGraph_t g = end_capture(s);
  const auto in_order = [&](cudaGraph_t graph) {
    unsigned expected = 1;
    for (const cudaGraphNode_t node : nodes_of(graph))
      if (parameters_of(node).gridDim.x != expected++) return 0;
    return 1;
  };
  expect("nodes come in the order in which they were captured", in_order(g), 1);
  cudaGraph_t outer = nullptr, copy = nullptr;
  cudaGraphNode_t child = nullptr;
  need(cudaGraphCreate(&outer, 0), "cudaGraphCreate");
  need(cudaGraphAddChildGraphNode(&child, outer, nullptr, 0, g), "cudaGraphAddChildGraphNode");
  need(cudaGraphChildGraphNodeGetGraph(child, &copy), "cudaGraphChildGraphNodeGetGraph");
  expect("so do those of a child graph", in_order(copy), 1);
  expect("the child's early edges", edges_of(copy).early, edges_of(g).early);
}

void rebinding() {
  const cudaStream_t s = new_stream();
  int *const a = memory<int>(64), *const b = memory<int>(64), *const c = memory<int>(64);
  const cudaGraph_t g = captured_chain(s);
  const auto nodes = nodes_of(g);
  expect("early edges", edges_of(g).early, links - 1);
  expect("binding the graph", bind(nodes, a, b, in_graph));
  expect("early edges after it", edges_of(g).early, links - 1);
  const cudaGraphExec_t x = instantiated(g);
  expect("cudaGraphUpload", cudaGraphUpload(x, s));
  run(x, s);
  expect("the result of a replay", read(a), links);
  expect("binding the executable graph", bind(nodes, c, b, in_executable(x)));
  run(x, s);
  expect("the result at the new address", read(c), links);
  expect("the old address keeps its own", read(a), links);
}

void rebinding_costs() {
  const cudaStream_t s = new_stream();
  int *const a = memory<int>(64), *const b = memory<int>(64);
  const cudaGraph_t g = captured_chain(s);
  const auto nodes = nodes_of(g);
  need(bind(nodes, a, b, in_graph), "cudaGraphKernelNodeSetParams");
  const cudaGraphExec_t x = instantiated(g);
  const auto replay = [&] { need(cudaGraphLaunch(x, s), "cudaGraphLaunch"); };
  run(x, s);
  const launch_time before = quickest(divided(30), s, replay);
  const double bound = host_microseconds(
      divided(20), [&] { need(bind(nodes, b, a, in_executable(x)), "cudaGraphExecKernelNodeSetParams"); });
  const launch_time after = quickest(divided(30), s, replay);
  measured("binding a node of an executable graph", bound / links, "us");
  measured("an early kernel, device", before.device / links, "us");
  measured("an early kernel after it was bound anew, device", after.device / links, "us");
  measured("a replay of 200 kernels, host", before.host, "us");
  measured("the same after they were bound anew, host", after.host, "us");
}

}  // namespace probe

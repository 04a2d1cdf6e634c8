// SPDX-License-Identifier: Apache-2.0
// Graphs built by hand: nodes, edges, parameters, instantiation, updates, launches.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "runtime_support.cuh"

using support::device_array;
using support::event;
using support::failed_with;
using support::graph;
using support::graph_exec;
using support::pinned_array;
using support::stream;

namespace {

__global__ void set(int* data, int value) { data[threadIdx.x] = value; }
__global__ void add(int* data, const int* more) { data[threadIdx.x] += more[threadIdx.x]; }
__global__ void increment(int* data) { data[threadIdx.x] += 1; }

// Arguments of a node, kept as long as the call.
template <class... Arguments>
cudaGraphNode_t add_kernel(cudaGraph_t into, const std::vector<cudaGraphNode_t>& after, void (*kernel)(Arguments...),
                           Arguments... arguments) {
  void* pointers[] = {&arguments...};
  cudaKernelNodeParams parameters{};
  parameters.func = reinterpret_cast<void*>(kernel);
  parameters.gridDim = dim3(1);
  parameters.blockDim = dim3(32);
  parameters.kernelParams = pointers;
  cudaGraphNode_t node = nullptr;
  OK(cudaGraphAddKernelNode(&node, into, after.data(), after.size(), &parameters));
  return node;
}

template <class... Arguments>
cudaError_t set_kernel(cudaGraphExec_t exec, cudaGraphNode_t node, void (*kernel)(Arguments...),
                       Arguments... arguments) {
  void* pointers[] = {&arguments...};
  cudaKernelNodeParams parameters{};
  parameters.func = reinterpret_cast<void*>(kernel);
  parameters.gridDim = dim3(1);
  parameters.blockDim = dim3(32);
  parameters.kernelParams = pointers;
  return cudaGraphExecKernelNodeSetParams(exec, node, &parameters);
}

std::vector<int> all(int value) { return std::vector<int>(32, value); }

}  // namespace

TEST_CASE("nodes run after their dependencies") {
  const stream queue;
  const device_array<int> a(32), b(32);
  const graph built;
  const auto first = add_kernel(built, {}, set, a.data, 1);
  const auto second = add_kernel(built, {}, set, b.data, 2);
  const auto third = add_kernel(built, {first, second}, add, a.data, static_cast<const int*>(b.data));
  cudaGraphNode_t empty = nullptr;
  OK(cudaGraphAddEmptyNode(&empty, built, &third, 1));
  add_kernel(built, {empty}, increment, a.data);
  const graph_exec ready(built);
  OK(cudaGraphUpload(ready, queue));
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(a.host() == all(4));
}

TEST_CASE("a graph tells its nodes, types, roots and edges") {
  const device_array<int> data(32);
  const graph built;
  const auto first = add_kernel(built, {}, set, data.data, 1);
  const auto second = add_kernel(built, {first}, increment, data.data);
  cudaMemsetParams fill{};
  fill.dst = data.data, fill.elementSize = 4, fill.value = 7, fill.width = 32, fill.height = 1;
  cudaGraphNode_t third = nullptr;
  OK(cudaGraphAddMemsetNode(&third, built, &first, 1, &fill));
  cudaGraphNode_t nodes[5];
  std::size_t count = 5;
  OK(cudaGraphGetNodes(built, nodes, &count));
  CHECK(count == 3);
  CHECK(nodes[3] == nullptr);
  OK(cudaGraphGetRootNodes(built, nodes, &count));
  CHECK(count == 1);
  CHECK(nodes[0] == first);
  cudaGraphNode_t from[4], to[4];
  count = 4;
  OK(cudaGraphGetEdges(built, from, to, nullptr, &count));
  CHECK(count == 2);
  count = 4;
  OK(cudaGraphNodeGetDependencies(second, from, nullptr, &count));
  CHECK(count == 1);
  CHECK(from[0] == first);
  count = 4;
  OK(cudaGraphNodeGetDependentNodes(first, to, nullptr, &count));
  CHECK(count == 2);
  cudaGraphNodeType type{};
  OK(cudaGraphNodeGetType(third, &type));
  CHECK(type == cudaGraphNodeTypeMemset);
  OK(cudaGraphNodeGetType(second, &type));
  CHECK(type == cudaGraphNodeTypeKernel);
}

TEST_CASE("edges can be added and removed, but not into a cycle") {
  const device_array<int> data(32);
  const graph built;
  const auto first = add_kernel(built, {}, set, data.data, 1);
  const auto second = add_kernel(built, {}, increment, data.data);
  OK(cudaGraphAddDependencies(built, &first, &second, nullptr, 1));
  CHECK(failed_with(cudaGraphAddDependencies(built, &second, &first, nullptr, 1), cudaErrorInvalidValue));
  CHECK(failed_with(cudaGraphAddDependencies(built, &first, &second, nullptr, 1), cudaErrorInvalidValue));
  OK(cudaGraphRemoveDependencies(built, &first, &second, nullptr, 1));
  CHECK(failed_with(cudaGraphRemoveDependencies(built, &first, &second, nullptr, 1), cudaErrorInvalidValue));
  OK(cudaGraphDestroyNode(second));
  CHECK(built.nodes() == 1);
  const graph other;
  cudaGraphNode_t empty = nullptr;
  CHECK(failed_with(cudaGraphAddEmptyNode(&empty, other, &first, 1), cudaErrorInvalidValue));
}

TEST_CASE("parameters of kernel nodes are copies that can be read and replaced") {
  const stream queue;
  const device_array<int> a(32), b(std::vector<int>(32, 0));
  const graph built;
  const auto node = add_kernel(built, {}, set, a.data, 5);
  cudaKernelNodeParams read{};
  OK(cudaGraphKernelNodeGetParams(node, &read));
  CHECK(read.func == reinterpret_cast<void*>(set));
  CHECK(*static_cast<int**>(read.kernelParams[0]) == a.data);
  CHECK(*static_cast<int*>(read.kernelParams[1]) == 5);
  CHECK(read.blockDim.x == 32);
  const graph_exec ready(built);
  // The executable graph has its own copy: this changes only what is instantiated later.
  int* other = b.data;
  int value = 6;
  void* pointers[] = {&other, &value};
  read.kernelParams = pointers;
  OK(cudaGraphKernelNodeSetParams(node, &read));
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(a.host() == all(5));
  CHECK(b.host() == all(0));
  const graph_exec later(built);
  OK(cudaGraphLaunch(later, queue));
  queue.wait();
  CHECK(b.host() == all(6));
}

TEST_CASE("an executable graph is rebound node by node, and launches keep what they were given") {
  const stream queue;
  const device_array<int> a(all(0)), b(all(0)), sum(all(0));
  const graph built;
  const auto node = add_kernel(built, {}, set, a.data, 1);
  add_kernel(built, {node}, add, sum.data, static_cast<const int*>(a.data));
  const graph_exec ready(built);
  OK(cudaGraphLaunch(ready, queue));
  OK(set_kernel(ready, node, set, a.data, 10));
  OK(cudaGraphLaunch(ready, queue));
  OK(set_kernel(ready, node, set, b.data, 77));
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(sum.host() == all(21));
  CHECK(b.host() == all(77));
  const graph other;
  const auto foreign = add_kernel(other, {}, set, a.data, 1);
  CHECK(failed_with(set_kernel(ready, foreign, set, a.data, 1), cudaErrorInvalidValue));
  cudaGraphNode_t empty = nullptr;
  OK(cudaGraphAddEmptyNode(&empty, built, nullptr, 0));
  CHECK(failed_with(set_kernel(ready, empty, set, a.data, 1), cudaErrorInvalidValue));
}

TEST_CASE("copies, fills and host functions are rebound too") {
  const stream queue;
  const device_array<int> data(64);
  const pinned_array<int> in(32), out(64);
  int first_calls = 0, second_calls = 0;
  for (int i = 0; i < 32; ++i) in[i] = i;
  const graph built;
  cudaMemsetParams fill{};
  fill.dst = data.data, fill.elementSize = 4, fill.value = 7, fill.width = 64, fill.height = 1;
  cudaGraphNode_t filled = nullptr, copied = nullptr, read = nullptr, called = nullptr;
  OK(cudaGraphAddMemsetNode(&filled, built, nullptr, 0, &fill));
  OK(cudaGraphAddMemcpyNode1D(&copied, built, &filled, 1, data.data, in.data, 128, cudaMemcpyHostToDevice));
  OK(cudaGraphAddMemcpyNode1D(&read, built, &copied, 1, out.data, data.data, 256, cudaMemcpyDeviceToHost));
  cudaHostNodeParams host{[](void* count) { ++*static_cast<int*>(count); }, &first_calls};
  OK(cudaGraphAddHostNode(&called, built, &read, 1, &host));
  const graph_exec ready(built);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(out[31] == 31);
  CHECK(out[32] == 7);
  CHECK(first_calls == 1);
  fill.value = 9;
  host.userData = &second_calls;
  OK(cudaGraphExecMemsetNodeSetParams(ready, filled, &fill));
  OK(cudaGraphExecMemcpyNodeSetParams1D(ready, copied, data.data + 32, in.data, 128, cudaMemcpyHostToDevice));
  OK(cudaGraphExecHostNodeSetParams(ready, called, &host));
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(out[31] == 9);
  CHECK(out[63] == 31);
  CHECK(first_calls == 1);
  CHECK(second_calls == 1);
  // The kinds of memory are fixed.
  CHECK(failed_with(
      cudaGraphExecMemcpyNodeSetParams1D(ready, copied, data.data, data.data + 32, 128, cudaMemcpyDeviceToDevice),
      cudaErrorInvalidValue));
}

TEST_CASE("a strided copy keeps its shape") {
  const stream queue;
  const device_array<int> data(std::vector<int>(64, 1));
  const pinned_array<int> out(64);
  cudaMemcpy3DParms copy{};
  copy.srcPtr = make_cudaPitchedPtr(data.data, 64, 16, 4);
  copy.dstPtr = make_cudaPitchedPtr(out.data, 32, 8, 4);
  copy.extent = make_cudaExtent(32, 4, 1);
  copy.kind = cudaMemcpyDeviceToHost;
  std::vector<int> values(64);
  for (int i = 0; i < 64; ++i) values[i] = i;
  OK(cudaMemcpy(data.data, values.data(), 256, cudaMemcpyHostToDevice));
  const graph built;
  cudaGraphNode_t node = nullptr;
  OK(cudaGraphAddMemcpyNode(&node, built, nullptr, 0, &copy));
  const graph_exec ready(built);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 8; ++column) CHECK(out[row * 8 + column] == row * 16 + column);
}

TEST_CASE("an update takes new parameters and refuses another shape") {
  const stream queue;
  const device_array<int> a(all(0)), b(all(0));
  const graph original, same, longer, other_type, other_edge;
  auto node = add_kernel(original, {}, set, a.data, 1);
  add_kernel(original, {node}, increment, a.data);
  node = add_kernel(same, {}, set, b.data, 5);
  add_kernel(same, {node}, increment, b.data);
  node = add_kernel(longer, {}, set, b.data, 5);
  node = add_kernel(longer, {node}, increment, b.data);
  add_kernel(longer, {node}, increment, b.data);
  node = add_kernel(other_type, {}, set, b.data, 5);
  cudaGraphNode_t empty = nullptr;
  OK(cudaGraphAddEmptyNode(&empty, other_type, &node, 1));
  add_kernel(other_edge, {}, set, b.data, 5);
  add_kernel(other_edge, {}, increment, b.data);
  const graph_exec ready(original);
  cudaGraphExecUpdateResultInfo result{};
  OK(cudaGraphExecUpdate(ready, same, &result));
  CHECK(result.result == cudaGraphExecUpdateSuccess);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(a.host() == all(0));
  CHECK(b.host() == all(6));
  CHECK(failed_with(cudaGraphExecUpdate(ready, longer, &result), cudaErrorGraphExecUpdateFailure));
  CHECK(result.result == cudaGraphExecUpdateErrorTopologyChanged);
  CHECK(failed_with(cudaGraphExecUpdate(ready, other_type, &result), cudaErrorGraphExecUpdateFailure));
  CHECK(result.result == cudaGraphExecUpdateErrorNodeTypeChanged);
  CHECK(failed_with(cudaGraphExecUpdate(ready, other_edge, &result), cudaErrorGraphExecUpdateFailure));
  CHECK(result.result == cudaGraphExecUpdateErrorTopologyChanged);
  // A refused update changes nothing.
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(b.host() == all(6));
}

TEST_CASE("the graph may die before its executable form") {
  const stream queue;
  const device_array<int> data(32);
  cudaGraphExec_t ready = nullptr;
  {
    const graph built;
    add_kernel(built, {}, set, data.data, 4);
    OK(cudaGraphInstantiateWithFlags(&ready, built, 0));
  }
  OK(cudaGraphLaunch(ready, queue));
  OK(cudaGraphExecDestroy(ready));  // its launch still runs
  queue.wait();
  CHECK(data.host() == all(4));
}

TEST_CASE("child graphs are embedded as they are") {
  const stream queue;
  const device_array<int> data(all(0));
  const graph inner, outer;
  const auto increment_node = add_kernel(inner, {}, increment, data.data);
  const auto first = add_kernel(outer, {}, set, data.data, 3);
  cudaGraphNode_t child = nullptr;
  OK(cudaGraphAddChildGraphNode(&child, outer, &first, 1, inner));
  add_kernel(inner, {increment_node}, increment, data.data);  // too late for the outer graph
  cudaGraph_t embedded = nullptr;
  std::size_t count = 0;
  OK(cudaGraphChildGraphNodeGetGraph(child, &embedded));
  OK(cudaGraphGetNodes(embedded, nullptr, &count));
  CHECK(count == 1);
  add_kernel(outer, {child}, increment, data.data);
  const graph_exec ready(outer);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(data.host() == all(5));
}

TEST_CASE("a clone has its own nodes") {
  const stream queue;
  const device_array<int> data(32);
  const graph original;
  const auto node = add_kernel(original, {}, set, data.data, 3);
  cudaGraph_t copied = nullptr;
  OK(cudaGraphClone(&copied, original));
  const graph clone(copied);
  cudaGraphNode_t twin = nullptr;
  OK(cudaGraphNodeFindInClone(&twin, node, clone));
  CHECK(twin != node);
  add_kernel(clone, {twin}, increment, data.data);
  CHECK(original.nodes() == 1);
  CHECK(clone.nodes() == 2);
  const graph_exec ready(clone);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(data.host() == all(4));
}

TEST_CASE("nodes can be switched off") {
  const stream queue;
  const device_array<int> data(32);
  const graph built;
  const auto first = add_kernel(built, {}, set, data.data, 3);
  const auto second = add_kernel(built, {first}, increment, data.data);
  const graph_exec ready(built);
  unsigned enabled = 0;
  OK(cudaGraphNodeSetEnabled(ready, second, 0));
  OK(cudaGraphNodeGetEnabled(ready, second, &enabled));
  CHECK(enabled == 0);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(data.host() == all(3));
  OK(cudaGraphNodeSetEnabled(ready, second, 1));
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(data.host() == all(4));
}

TEST_CASE("memory of allocation nodes lives inside the graph") {
  const stream queue;
  const device_array<int> out(all(0));
  const graph built;
  cudaMemAllocNodeParams allocation{};
  allocation.poolProps.allocType = cudaMemAllocationTypePinned;
  allocation.poolProps.location.type = cudaMemLocationTypeDevice;
  allocation.bytesize = 128;
  cudaGraphNode_t allocated = nullptr, freed = nullptr;
  OK(cudaGraphAddMemAllocNode(&allocated, built, nullptr, 0, &allocation));
  auto* scratch = static_cast<int*>(allocation.dptr);
  const auto first = add_kernel(built, {allocated}, set, scratch, 4);
  const auto second = add_kernel(built, {first}, add, out.data, static_cast<const int*>(scratch));
  OK(cudaGraphAddMemFreeNode(&freed, built, &second, 1, scratch));
  const graph_exec ready(built);
  for (int i = 0; i < 3; ++i) OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(out.host() == all(12));
}

TEST_CASE("event nodes order a graph and other streams") {
  const stream queue, other;
  const event before, after;
  const device_array<int> data(32);
  const graph built;
  cudaGraphNode_t wait = nullptr, record = nullptr;
  OK(cudaGraphAddEventWaitNode(&wait, built, nullptr, 0, before));
  const auto node = add_kernel(built, {wait}, increment, data.data);
  OK(cudaGraphAddEventRecordNode(&record, built, &node, 1, after));
  const graph_exec ready(built);
  set<<<1, 32, 0, other>>>(data.data, 1);
  OK(cudaEventRecord(before, other));
  OK(cudaGraphLaunch(ready, queue));
  OK(cudaStreamWaitEvent(other, after, 0));
  increment<<<1, 32, 0, other>>>(data.data);
  other.wait();
  CHECK(data.host() == all(3));
  queue.wait();
}

TEST_CASE("an object of the program lives as long as a graph needs it") {
  const stream queue;
  int destroyed = 0;
  cudaUserObject_t object = nullptr;
  OK(cudaUserObjectCreate(
      &object, &destroyed, [](void* count) { ++*static_cast<int*>(count); }, 1, cudaUserObjectNoDestructorSync));
  {
    cudaGraphExec_t ready = nullptr;
    {
      const graph built;
      cudaGraphNode_t empty = nullptr;
      OK(cudaGraphAddEmptyNode(&empty, built, nullptr, 0));
      OK(cudaGraphRetainUserObject(built, object, 1, cudaGraphUserObjectMove));
      OK(cudaGraphInstantiate(&ready, built, 0));
    }
    CHECK(destroyed == 0);
    OK(cudaGraphLaunch(ready, queue));
    queue.wait();
    OK(cudaGraphExecDestroy(ready));
  }
  OK(cudaDeviceSynchronize());
  CHECK(destroyed == 1);
}

TEST_CASE("a picture of a graph names its kernels") {
  const device_array<int> data(32);
  const graph built;
  const auto node = add_kernel(built, {}, set, data.data, 3);
  add_kernel(built, {node}, increment, data.data);
  char path[] = "/tmp/graph_picture_XXXXXX";
  const int descriptor = mkstemp(path);
  REQUIRE(descriptor >= 0);
  close(descriptor);
  OK(cudaGraphDebugDotPrint(built, path, cudaGraphDebugDotFlagsVerbose));
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::remove(path);
  CHECK(text.find("digraph") != std::string::npos);
  CHECK(text.find("increment") != std::string::npos);
  CHECK(text.find("->") != std::string::npos);
}

TEST_CASE("handles of dead graphs are refused") {
  const device_array<int> data(32);
  cudaGraph_t gone = nullptr;
  OK(cudaGraphCreate(&gone, 0));
  const graph other;
  add_kernel(other, {}, set, data.data, 1);
  const graph_exec ready(other);
  cudaGraphExecUpdateResultInfo result{};
  OK(cudaGraphExecUpdate(ready, other, &result));
  CHECK(failed_with(cudaGraphCreate(nullptr, 0), cudaErrorInvalidValue));
  OK(cudaGraphDestroy(gone));
}

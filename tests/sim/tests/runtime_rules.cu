// SPDX-License-Identifier: Apache-2.0
// Rules of the driver that a program notices only on a GPU, and what its documents leave open.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "../runtime/control.hpp"
#include "runtime_support.cuh"

using support::device_array;
using support::failed_with;
using support::graph;
using support::graph_exec;
using support::stream;
namespace control = sim::control;

namespace {

struct silence {
  silence() { control::quiet(true); }
  ~silence() {
    control::take_complaints();
    control::quiet(false);
  }
};

__global__ void add_one(int* data) {
  cudaGridDependencySynchronize();
  data[threadIdx.x] += 1;
}
__global__ void stop(cudaGraphConditionalHandle handle) { cudaGraphSetConditional(handle, 0); }
__global__ void with_shared(int* data) {
  extern __shared__ int held[];
  held[threadIdx.x] = 1;
  data[threadIdx.x] = held[threadIdx.x];
}

cudaError_t launch_early(cudaStream_t in, int* data) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(1), how.blockDim = dim3(32), how.stream = in, how.attrs = &attribute, how.numAttrs = 1;
  return cudaLaunchKernelEx(&how, add_one, data);
}

// A while with an empty body, added to a graph after some nodes.
struct loop_node {
  cudaGraphConditionalHandle handle{};
  cudaGraphNode_t node = nullptr;
  cudaGraph_t body = nullptr;
  loop_node(cudaGraph_t into, const std::vector<cudaGraphNode_t>& after = {}) {
    OK(cudaGraphConditionalHandleCreate(&handle, into, 0, cudaGraphCondAssignDefault));
    cudaGraphNodeParams parameters{};
    parameters.type = cudaGraphNodeTypeConditional;
    parameters.conditional.handle = handle;
    parameters.conditional.type = cudaGraphCondTypeWhile;
    parameters.conditional.size = 1;
    OK(cudaGraphAddNode(&node, into, after.data(), nullptr, after.size(), &parameters));
    body = parameters.conditional.phGraph_out[0];
  }
};

cudaGraph_t captured(cudaStream_t in, const std::function<void()>& body) {
  OK(cudaStreamBeginCapture(in, cudaStreamCaptureModeThreadLocal));
  body();
  cudaGraph_t made = nullptr;
  OK(cudaStreamEndCapture(in, &made));
  return made;
}

}  // namespace

TEST_CASE("a graph with a conditional node has one executable graph at a time") {
  const silence quiet;
  const stream queue;
  const graph built;
  const loop_node loop(built);
  cudaGraphExec_t first = nullptr, second = nullptr;
  OK(cudaGraphInstantiate(&first, built, 0));
  CHECK(failed_with(cudaGraphInstantiate(&second, built, 0), cudaErrorInvalidValue));
  OK(cudaGraphExecDestroy(first));
  OK(cudaGraphInstantiate(&second, built, 0));
  // Destroyed while it runs: whether it still counts is not documented.
  OK(cudaGraphLaunch(second, queue));
  OK(cudaGraphExecDestroy(second));
  control::set_in_flight_counts(true);
  CHECK(failed_with(cudaGraphInstantiate(&first, built, 0), cudaErrorInvalidValue));
  queue.wait();
  OK(cudaGraphInstantiate(&first, built, 0));
  control::set_in_flight_counts(false);
  OK(cudaGraphLaunch(first, queue));
  OK(cudaGraphExecDestroy(first));
  OK(cudaGraphInstantiate(&first, built, 0));
  OK(cudaGraphExecDestroy(first));
  queue.wait();
}

TEST_CASE("and so has one with memory nodes, but no other") {
  const silence quiet;
  const stream queue;
  int* data = nullptr;
  const graph allocates(captured(queue, [&] {
    OK(cudaMallocAsync(&data, 128, queue));
    OK(cudaFreeAsync(data, queue));
  }));
  const graph_exec ready(allocates);
  cudaGraphExec_t second = nullptr;
  CHECK(failed_with(cudaGraphInstantiate(&second, allocates, 0), cudaErrorInvalidValue));
  const device_array<int> memory(32);
  const graph plain(captured(queue, [&] { add_one<<<1, 32, 0, queue>>>(memory.data); }));
  const graph_exec one(plain), other(plain);
}

TEST_CASE("a capture into a loop's body that is invalidated ends the process in the driver") {
  const silence quiet;
  const stream queue, side;
  OK(cudaStreamBeginCapture(queue, cudaStreamCaptureModeThreadLocal));
  cudaStreamCaptureStatus status{};
  cudaGraph_t outer = nullptr;
  OK(cudaStreamGetCaptureInfo(queue, &status, nullptr, &outer, nullptr, nullptr, nullptr));
  const loop_node loop(outer);
  OK(cudaStreamUpdateCaptureDependencies(queue, const_cast<cudaGraphNode_t*>(&loop.node), nullptr, 1,
                                         cudaStreamSetCaptureDependencies));
  OK(cudaStreamBeginCaptureToGraph(side, loop.body, nullptr, nullptr, 0, cudaStreamCaptureModeThreadLocal));
  CHECK(cudaStreamQuery(side) == cudaErrorStreamCaptureUnsupported);
  CHECK(control::take_faults().empty());
  cudaGraph_t made = nullptr;
  CHECK(cudaStreamEndCapture(side, &made) != cudaSuccess);
  const auto faults = control::take_faults();
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].kind == sim::fault_kind::driver_crash);
  CHECK(cudaStreamCreate(nullptr) == cudaErrorUnknown);  // nothing works any more
  control::clear_faults();
  cudaStreamEndCapture(queue, &made);
  CHECK(made == nullptr);
  cudaGetLastError();
}

TEST_CASE("one into a graph of the program's own is only lost") {
  const silence quiet;
  const stream queue;
  OK(cudaStreamBeginCapture(queue, cudaStreamCaptureModeThreadLocal));
  CHECK(cudaStreamQuery(queue) == cudaErrorStreamCaptureUnsupported);
  cudaGraph_t made = nullptr;
  CHECK(cudaStreamEndCapture(queue, &made) == cudaErrorStreamCaptureInvalidated);
  CHECK(control::take_faults().empty());
  cudaGetLastError();
}

TEST_CASE("the limit of dynamic shared memory is what was set last, also for graphs made before") {
  const silence quiet;
  const stream queue;
  const device_array<int> data(32);
  const auto limit = [](int bytes) {
    return cudaFuncSetAttribute(with_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  };
  const auto launch = [&](std::size_t bytes) {
    with_shared<<<1, 32, bytes, queue>>>(data.data);
    return cudaGetLastError();
  };
  CHECK(launch(48 * 1024) == cudaSuccess);
  CHECK(launch(48 * 1024 + 1) == cudaErrorInvalidValue);
  OK(limit(200'000));
  const graph chain(captured(queue, [&] { CHECK(launch(200'000) == cudaSuccess); }));
  const graph_exec ready(chain);
  OK(limit(60'000));
  CHECK(launch(60'000) == cudaSuccess);
  CHECK(launch(60'001) == cudaErrorInvalidValue);
  OK(cudaGraphLaunch(ready, queue));  // it is ready already
  cudaGraphNode_t node = nullptr;
  std::size_t count = 1;
  OK(cudaGraphGetNodes(chain, &node, &count));
  cudaKernelNodeParams parameters{};
  OK(cudaGraphKernelNodeGetParams(node, &parameters));
  cudaGraphExec_t second = nullptr;
  CHECK(failed_with(cudaGraphExecKernelNodeSetParams(ready, node, &parameters), cudaErrorInvalidValue));
  CHECK(failed_with(cudaGraphInstantiate(&second, chain, 0), cudaErrorInvalidValue));
  OK(limit(200'000));
  OK(cudaGraphExecKernelNodeSetParams(ready, node, &parameters));
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(failed_with(limit(227 * 1024 + 1), cudaErrorInvalidValue));
}

TEST_CASE("edges that carry data are not told without it, not even how many there are") {
  const silence quiet;
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 0));
  const graph chain(captured(queue, [&] {
    OK(launch_early(queue, data.data));
    OK(launch_early(queue, data.data));
  }));
  cudaGraphNode_t from[4], to[4];
  cudaGraphEdgeData edges[4];
  std::size_t count = 0;
  CHECK(failed_with(cudaGraphGetEdges(chain, nullptr, nullptr, nullptr, &count), cudaErrorLossyQuery));
  CHECK(failed_with(cudaGraphGetEdges(chain, nullptr, nullptr, edges, &count), cudaErrorInvalidValue));
  count = 4;
  CHECK(failed_with(cudaGraphGetEdges(chain, from, to, nullptr, &count), cudaErrorLossyQuery));
  count = 4;
  OK(cudaGraphGetEdges(chain, from, to, edges, &count));
  REQUIRE(count == 1);
  CHECK(edges[0].type == cudaGraphDependencyTypeProgrammatic);
  CHECK(from[1] == nullptr);
  const cudaGraphNode_t first = from[0], last = to[0];
  CHECK(failed_with(cudaGraphNodeGetDependencies(last, nullptr, nullptr, &count), cudaErrorLossyQuery));
  CHECK(failed_with(cudaGraphNodeGetDependentNodes(first, nullptr, nullptr, &count), cudaErrorLossyQuery));
  OK(cudaGraphNodeGetDependencies(first, nullptr, nullptr, &count));
  CHECK(count == 0);
  count = 4;
  OK(cudaGraphNodeGetDependencies(last, from, edges, &count));
  CHECK(count == 1);
  CHECK(std::string(cudaGetErrorName(cudaErrorLossyQuery)) == "cudaErrorLossyQuery");
}

TEST_CASE("calls that the documents do not clear end a capture, unless this thread is relaxed") {
  const silence quiet;
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 0));
  const graph plain(captured(queue, [&] { add_one<<<1, 32, 0, queue>>>(data.data); }));
  struct question {
    const char* name;
    std::function<cudaError_t()> ask;
  };
  cudaMemPool_t pool = nullptr;
  OK(cudaDeviceGetDefaultMemPool(&pool, 0));
  std::size_t free = 0, total = 0;
  std::uint64_t bytes = 0;
  const question questions[] = {
      {"cudaPointerGetAttributes",
       [&] {
         cudaPointerAttributes a{};
         return cudaPointerGetAttributes(&a, data.data);
       }},
      {"cudaFuncSetAttribute",
       [] { return cudaFuncSetAttribute(with_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 50'000); }},
      {"cudaFuncGetParamInfo",
       [] {
         std::size_t at = 0, size = 0;
         return cudaFuncGetParamInfo(reinterpret_cast<const void*>(add_one), 0, &at, &size);
       }},
      {"cudaMemPoolGetAttribute", [&] { return cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &bytes); }},
      {"cudaMemGetInfo", [&] { return cudaMemGetInfo(&free, &total); }},
      {"cudaStreamCreate",
       [] {
         cudaStream_t made = nullptr;
         const cudaError_t e = cudaStreamCreate(&made);
         return e != cudaSuccess ? e : cudaStreamDestroy(made);
       }},
      {"cudaEventCreate",
       [] {
         cudaEvent_t made = nullptr;
         const cudaError_t e = cudaEventCreate(&made);
         return e != cudaSuccess ? e : cudaEventDestroy(made);
       }},
      {"cudaGraphInstantiate",
       [&] {
         cudaGraphExec_t made = nullptr;
         const cudaError_t e = cudaGraphInstantiate(&made, plain, 0);
         return e != cudaSuccess ? e : cudaGraphExecDestroy(made);
       }},
  };
  for (const question& one : questions) {
    CAPTURE(one.name);
    OK(one.ask());
    for (const auto mode :
         {cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeRelaxed}) {
      for (const bool exchanged : {false, true}) {
        const bool legal = exchanged || mode == cudaStreamCaptureModeRelaxed;
        OK(cudaStreamBeginCapture(queue, mode));
        cudaStreamCaptureMode own = cudaStreamCaptureModeRelaxed;
        if (exchanged) OK(cudaThreadExchangeStreamCaptureMode(&own));
        CHECK(one.ask() == (legal ? cudaSuccess : cudaErrorStreamCaptureUnsupported));
        if (exchanged) OK(cudaThreadExchangeStreamCaptureMode(&own));
        cudaGraph_t made = nullptr;
        CHECK(cudaStreamEndCapture(queue, &made) == (legal ? cudaSuccess : cudaErrorStreamCaptureInvalidated));
        if (made != nullptr) OK(cudaGraphDestroy(made));
        cudaGetLastError();
      }
    }
  }
}

TEST_CASE("where early launches are refused, and when, is an option") {
  const silence quiet;
  const stream queue, side;
  const support::event event;
  const device_array<int> data(std::vector<int>(32, 0));
  const graph child(captured(queue, [&] { add_one<<<1, 32, 0, queue>>>(data.data); }));
  struct scene {
    const char* place;
    std::function<void()> before;  // the early launch comes after it
  };
  const auto node_of = [&](auto add) {
    cudaStreamCaptureStatus status{};
    cudaGraph_t graph = nullptr;
    OK(cudaStreamGetCaptureInfo(queue, &status, nullptr, &graph, nullptr, nullptr, nullptr));
    cudaGraphNode_t node = add(graph);
    OK(cudaStreamUpdateCaptureDependencies(queue, &node, nullptr, 1, cudaStreamSetCaptureDependencies));
  };
  const scene scenes[] = {
      {"chain", [&] { add_one<<<1, 32, 0, queue>>>(data.data); }},
      {"after_child",
       [&] {
         node_of([&](cudaGraph_t into) {
           cudaGraphNode_t node = nullptr;
           OK(cudaGraphAddChildGraphNode(&node, into, nullptr, 0, child));
           return node;
         });
       }},
      {"after_loop", [&] { node_of([&](cudaGraph_t into) { return loop_node(into).node; }); }},
      {"after_other", [&] { OK(cudaMemsetAsync(data.data, 0, 128, queue)); }},
      {"after_join",
       [&] {
         add_one<<<1, 32, 0, queue>>>(data.data);
         OK(cudaEventRecord(event, queue));
         OK(cudaStreamWaitEvent(side, event, 0));
         add_one<<<1, 16, 0, side>>>(data.data);
         add_one<<<1, 16, 0, queue>>>(data.data + 16);
         OK(cudaEventRecord(event, side));
         OK(cudaStreamWaitEvent(queue, event, 0));
       }},
  };
  for (const scene& one : scenes) {
    CAPTURE(one.place);
    for (const std::string answer : {"accepted", "launch", "invalid", "instantiation", "update"}) {
      CAPTURE(answer);
      control::set_early_launches(std::string(one.place) + "=" + answer);
      OK(cudaStreamBeginCapture(queue, cudaStreamCaptureModeThreadLocal));
      one.before();
      const bool at_launch = answer == "launch" || answer == "invalid";
      CHECK(launch_early(queue, data.data) == (at_launch ? cudaErrorNotSupported : cudaSuccess));
      cudaGraph_t made = nullptr;
      CHECK(cudaStreamEndCapture(queue, &made) ==
            (answer == "invalid" ? cudaErrorStreamCaptureInvalidated : cudaSuccess));
      cudaGetLastError();
      if (made == nullptr) continue;
      const graph owned(made);
      cudaGraphExec_t ready = nullptr;
      CHECK(cudaGraphInstantiate(&ready, owned, 0) ==
            (answer == "instantiation" ? cudaErrorNotSupported : cudaSuccess));
      cudaGetLastError();
      if (ready == nullptr) continue;
      cudaGraphNode_t nodes[8];
      std::size_t count = 8;
      OK(cudaGraphGetNodes(owned, nodes, &count));
      if (!at_launch) {
        cudaKernelNodeParams parameters{};
        OK(cudaGraphKernelNodeGetParams(nodes[count - 1], &parameters));
        CHECK(cudaGraphExecKernelNodeSetParams(ready, nodes[count - 1], &parameters) ==
              (answer == "update" ? cudaErrorNotSupported : cudaSuccess));
        cudaGetLastError();
      }
      OK(cudaGraphLaunch(ready, queue));
      queue.wait();
      OK(cudaGraphExecDestroy(ready));
    }
  }
  control::set_early_launches("");
  CHECK_THROWS_AS(control::set_early_launches("chain"), std::invalid_argument);
  CHECK_THROWS_AS(control::set_early_launches("chains=launch"), std::invalid_argument);
}

TEST_CASE("early launches in loops and in child graphs are places of their own") {
  const silence quiet;
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 0));
  const auto two = [&](cudaStream_t in) {
    add_one<<<1, 32, 0, in>>>(data.data);
    return launch_early(in, data.data);
  };
  const graph inner(captured(queue, [&] { CHECK(two(queue) == cudaSuccess); }));
  const graph outer;
  cudaGraphNode_t node = nullptr;
  control::set_early_launches("child=launch");
  CHECK(failed_with(cudaGraphAddChildGraphNode(&node, outer, nullptr, 0, inner), cudaErrorNotSupported));
  control::set_early_launches("child=instantiation");
  OK(cudaGraphAddChildGraphNode(&node, outer, nullptr, 0, inner));
  cudaGraphExec_t ready = nullptr;
  CHECK(failed_with(cudaGraphInstantiate(&ready, outer, 0), cudaErrorNotSupported));
  control::set_early_launches("child=update");
  OK(cudaGraphInstantiate(&ready, outer, 0));
  CHECK(failed_with(cudaGraphExecChildGraphNodeSetParams(ready, node, inner), cudaErrorNotSupported));
  OK(cudaGraphExecDestroy(ready));
  for (const char* answer : {"loop=launch", "loop=instantiation"}) {
    const graph looping;
    const loop_node loop(looping);
    control::set_early_launches(answer);
    const bool at_launch = std::string(answer) == "loop=launch";
    OK(cudaStreamBeginCaptureToGraph(queue, loop.body, nullptr, nullptr, 0, cudaStreamCaptureModeThreadLocal));
    CHECK(two(queue) == (at_launch ? cudaErrorNotSupported : cudaSuccess));
    stop<<<1, 1, 0, queue>>>(loop.handle);
    OK(cudaStreamEndCapture(queue, nullptr));
    CHECK(cudaGraphInstantiate(&ready, looping, 0) == (at_launch ? cudaSuccess : cudaErrorNotSupported));
    if (at_launch) OK(cudaGraphExecDestroy(ready));
    cudaGetLastError();
  }
  control::set_early_launches("");
}

TEST_CASE("a pool gives back at synchronisations what it holds beyond its threshold, which is 0 at first") {
  const stream queue;
  const auto released = [&](cudaMemPool_t pool) {
    const std::uint64_t before = control::released_bytes();
    for (int i = 0; i < 3; ++i) {
      void* data = nullptr;
      OK(cudaMallocFromPoolAsync(&data, 1 << 16, pool, queue));
      OK(cudaFreeAsync(data, queue));
      queue.wait();
    }
    return control::released_bytes() - before;
  };
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  cudaMemPool_t pool = nullptr;
  OK(cudaMemPoolCreate(&pool, &properties));
  CHECK(released(pool) == 3 << 16);
  std::uint64_t threshold = ~0ull, held = 0;
  OK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold));
  CHECK(released(pool) == 0);
  OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &held));
  CHECK(held == 1 << 16);
  OK(cudaMemPoolTrimTo(pool, 0));
  OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &held));
  CHECK(held == 0);
  OK(cudaMemPoolDestroy(pool));
}

TEST_CASE("a pool that is destroyed lives on under what was allocated from it") {
  const silence quiet;
  const stream queue;
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  cudaMemPool_t pool = nullptr;
  OK(cudaMemPoolCreate(&pool, &properties));
  void* data = nullptr;
  OK(cudaMallocFromPoolAsync(&data, 128, pool, queue));
  const auto before = control::live();
  OK(cudaMemPoolDestroy(pool));
  CHECK(control::live().pools == before.pools - 1);
  CHECK(failed_with(cudaMallocFromPoolAsync(&data, 128, pool, queue), cudaErrorInvalidValue));
  OK(cudaMemsetAsync(data, 0, 128, queue));
  OK(cudaFreeAsync(data, queue));
  queue.wait();
}

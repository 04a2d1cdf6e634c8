// SPDX-License-Identifier: Apache-2.0
// Conditional nodes (if, while, switch), and programmatic dependent launch in streams and graphs.
#include <vector>

#include "../runtime/control.hpp"
#include "runtime_support.cuh"

using support::device_array;
using support::graph;
using support::graph_exec;
using support::stream;

namespace {

__global__ void set_condition(cudaGraphConditionalHandle handle, const int* value) {
  cudaGraphSetConditional(handle, static_cast<unsigned>(*value));
}

// One step of a loop: counts down, and says whether to go on.
__global__ void count_down(cudaGraphConditionalHandle handle, int* remaining, int* steps) {
  *steps += 1;
  *remaining -= 1;
  cudaGraphSetConditional(handle, *remaining > 0);
}

__global__ void add_value(int* data, int value) { *data += value; }

__global__ void produce(int* data, int value) { data[threadIdx.x] = value; }

__global__ void consume(const int* weights, const int* data, int* out) {
  const int weight = weights[threadIdx.x];  // nobody in flight writes the weights
  cudaGridDependencySynchronize();
  out[threadIdx.x] = data[threadIdx.x] * weight;
}

template <class... Arguments>
cudaGraphNode_t add_kernel(cudaGraph_t into, const std::vector<cudaGraphNode_t>& after, void (*kernel)(Arguments...),
                           Arguments... arguments) {
  void* pointers[] = {&arguments...};
  cudaKernelNodeParams parameters{};
  parameters.func = reinterpret_cast<void*>(kernel);
  parameters.gridDim = dim3(1);
  parameters.blockDim = dim3(1);
  parameters.kernelParams = pointers;
  cudaGraphNode_t node = nullptr;
  OK(cudaGraphAddKernelNode(&node, into, after.data(), after.size(), &parameters));
  return node;
}

struct conditional {
  cudaGraphNode_t node = nullptr;
  std::vector<cudaGraph_t> bodies;
};

conditional add_conditional(cudaGraph_t into, const std::vector<cudaGraphNode_t>& after,
                            cudaGraphConditionalHandle handle, cudaGraphConditionalNodeType type, unsigned bodies) {
  cudaGraphNodeParams parameters{};
  parameters.type = cudaGraphNodeTypeConditional;
  parameters.conditional.handle = handle;
  parameters.conditional.type = type;
  parameters.conditional.size = bodies;
  conditional made;
  OK(cudaGraphAddNode(&made.node, into, after.data(), nullptr, after.size(), &parameters));
  made.bodies.assign(parameters.conditional.phGraph_out, parameters.conditional.phGraph_out + bodies);
  return made;
}

}  // namespace

TEST_CASE("an if runs one of its bodies") {
  const stream queue;
  const device_array<int> value(std::vector<int>{0}), out(std::vector<int>{0});
  const graph built;
  cudaGraphConditionalHandle handle{};
  OK(cudaGraphConditionalHandleCreate(&handle, built, 0, 0));
  const auto first = add_kernel(built, {}, set_condition, handle, static_cast<const int*>(value.data));
  const auto branch = add_conditional(built, {first}, handle, cudaGraphCondTypeIf, 2);
  add_kernel(branch.bodies[0], {}, add_value, out.data, 100);
  add_kernel(branch.bodies[1], {}, add_value, out.data, 1);
  const graph_exec ready(built);
  for (const int taken : {0, 1, 1, 0, 5}) {
    OK(cudaMemcpy(value.data, &taken, 4, cudaMemcpyHostToDevice));
    OK(cudaGraphLaunch(ready, queue));
    queue.wait();
  }
  CHECK(out.host()[0] == 302);
}

TEST_CASE("a while repeats its body as long as the device says so") {
  const stream queue;
  const device_array<int> remaining(1), steps(std::vector<int>{0});
  const graph built;
  cudaGraphConditionalHandle handle{};
  OK(cudaGraphConditionalHandleCreate(&handle, built, 1, cudaGraphCondAssignDefault));
  const auto loop = add_conditional(built, {}, handle, cudaGraphCondTypeWhile, 1);
  // The body is captured rather than built.
  OK(cudaStreamBeginCaptureToGraph(queue, loop.bodies[0], nullptr, nullptr, 0, cudaStreamCaptureModeRelaxed));
  count_down<<<1, 1, 0, queue>>>(handle, remaining.data, steps.data);
  OK(cudaStreamEndCapture(queue, nullptr));
  const graph_exec ready(built);
  int expected = 0;
  for (const int rounds : {7, 1, 3}) {
    OK(cudaMemcpy(remaining.data, &rounds, 4, cudaMemcpyHostToDevice));
    OK(cudaGraphLaunch(ready, queue));
    queue.wait();
    expected += rounds;
    CHECK(steps.host()[0] == expected);
    CHECK(remaining.host()[0] == 0);
  }
}

TEST_CASE("a switch runs the body with the number of its value, or none") {
  const stream queue;
  const device_array<int> value(std::vector<int>{0}), out(std::vector<int>{0});
  const graph built;
  cudaGraphConditionalHandle handle{};
  OK(cudaGraphConditionalHandleCreate(&handle, built, 0, 0));
  const auto first = add_kernel(built, {}, set_condition, handle, static_cast<const int*>(value.data));
  const auto chosen = add_conditional(built, {first}, handle, cudaGraphCondTypeSwitch, 3);
  for (int i = 0; i < 3; ++i) add_kernel(chosen.bodies[i], {}, add_value, out.data, i == 0 ? 1 : i == 1 ? 10 : 100);
  const graph_exec ready(built);
  for (const int number : {0, 2, 3, 1, 2}) {
    OK(cudaMemcpy(value.data, &number, 4, cudaMemcpyHostToDevice));
    OK(cudaGraphLaunch(ready, queue));
    queue.wait();
  }
  CHECK(out.host()[0] == 211);
}

TEST_CASE("a dependent launch overlaps what does not depend") {
  const stream queue;
  const device_array<int> weights(std::vector<int>(32, 3)), data(32), out(32);
  produce<<<1, 32, 0, queue>>>(data.data, 5);
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(1), how.blockDim = dim3(32), how.stream = queue, how.attrs = &attribute, how.numAttrs = 1;
  OK(cudaLaunchKernelEx(&how, consume, static_cast<const int*>(weights.data), static_cast<const int*>(data.data),
                        out.data));
  queue.wait();
  CHECK(out.host() == std::vector<int>(32, 15));
}

TEST_CASE("a dependent launch is captured as a programmatic edge") {
  const stream queue;
  const device_array<int> weights(std::vector<int>(32, 3)), data(32), out(32);
  OK(cudaStreamBeginCapture(queue, cudaStreamCaptureModeGlobal));
  produce<<<1, 32, 0, queue>>>(data.data, 5);
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(1), how.blockDim = dim3(32), how.stream = queue, how.attrs = &attribute, how.numAttrs = 1;
  OK(cudaLaunchKernelEx(&how, consume, static_cast<const int*>(weights.data), static_cast<const int*>(data.data),
                        out.data));
  cudaGraph_t made = nullptr;
  OK(cudaStreamEndCapture(queue, &made));
  const graph captured(made);
  cudaGraphNode_t from = nullptr, to = nullptr;
  cudaGraphEdgeData edge{};
  std::size_t count = 1;
  CHECK(support::failed_with(cudaGraphGetEdges(captured, &from, &to, nullptr, &count), cudaErrorLossyQuery));
  OK(cudaGraphGetEdges(captured, &from, &to, &edge, &count));
  REQUIRE(count == 1);
  CHECK(edge.type == cudaGraphDependencyTypeProgrammatic);
  CHECK(edge.from_port == cudaGraphKernelNodePortProgrammatic);
  const graph_exec ready(captured);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(out.host() == std::vector<int>(32, 15));
}

namespace {
// A launch that may begin before the kernel ahead of it ends.
template <class... Parameters, class... Arguments>
cudaError_t launch_early(cudaStream_t in, void (*kernel)(Parameters...), Arguments... arguments) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(1), how.blockDim = dim3(32), how.stream = in, how.attrs = &attribute, how.numAttrs = 1;
  return cudaLaunchKernelEx(&how, kernel, arguments...);
}
__global__ void copy_early(const int* in, int* out) { out[threadIdx.x] = in[threadIdx.x]; }
__global__ void copy_late(const int* in, int* out) {
  cudaGridDependencySynchronize();
  out[threadIdx.x] = in[threadIdx.x];
}

// What `run` queues is at fault with an early access, and nothing else.
template <class Run>
void expect_early_access(const stream& queue, Run run) {
  sim::control::quiet(true);
  run();
  CHECK(cudaStreamSynchronize(queue) == cudaErrorLaunchFailure);
  const auto faults = sim::control::take_faults();
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].kind == sim::fault_kind::early_dependent_access);
  sim::control::clear_faults();
  sim::control::quiet(false);
}
}  // namespace

TEST_CASE("a dependent launch waits for the kernel ahead, which may not have waited for its own") {
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 1)), other(std::vector<int>(32, 2)), out(32), last(32);
  // The kernel between waits: its end is the end of the first.
  produce<<<1, 32, 0, queue>>>(data.data, 5);
  OK(launch_early(queue, copy_late, static_cast<const int*>(other.data), out.data));
  OK(launch_early(queue, copy_late, static_cast<const int*>(data.data), last.data));
  queue.wait();
  expect_early_access(queue, [&] {
    produce<<<1, 32, 0, queue>>>(data.data, 6);
    OK(launch_early(queue, copy_early, static_cast<const int*>(other.data), out.data));
    OK(launch_early(queue, copy_late, static_cast<const int*>(data.data), last.data));
  });
  // An ordinary launch ends every overlap.
  produce<<<1, 32, 0, queue>>>(data.data, 7);
  OK(launch_early(queue, copy_early, static_cast<const int*>(other.data), out.data));
  copy_late<<<1, 32, 0, queue>>>(data.data, last.data);
  OK(launch_early(queue, copy_early, static_cast<const int*>(data.data), out.data));
  queue.wait();
  CHECK(out.host() == last.host());
}

TEST_CASE("memory allocated or freed between two launches does not part them; other work does") {
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 1)), out(32);
  int* output = nullptr;
  expect_early_access(queue, [&] {
    produce<<<1, 32, 0, queue>>>(data.data, 5);
    OK(cudaMallocAsync(&output, 128, queue));
    OK(launch_early(queue, copy_early, static_cast<const int*>(data.data), output));
  });
  expect_early_access(queue, [&] {
    produce<<<1, 32, 0, queue>>>(data.data, 5);
    OK(cudaFreeAsync(output, queue));
    OK(launch_early(queue, copy_early, static_cast<const int*>(data.data), out.data));
  });
  produce<<<1, 32, 0, queue>>>(data.data, 5);
  OK(cudaMemsetAsync(out.data, 0, 128, queue));
  OK(launch_early(queue, copy_early, static_cast<const int*>(data.data), out.data));
  queue.wait();
  CHECK(out.host() == data.host());
}

TEST_CASE("in a graph the same chain is at fault, and an allocation node parts two kernels") {
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 1)), other(std::vector<int>(32, 2)), out(32), last(32);
  const auto captured = [&](auto body) {
    OK(cudaStreamBeginCapture(queue, cudaStreamCaptureModeGlobal));
    body();
    cudaGraph_t made = nullptr;
    OK(cudaStreamEndCapture(queue, &made));
    return made;
  };
  const graph chain(captured([&] {
    produce<<<1, 32, 0, queue>>>(data.data, 6);
    OK(launch_early(queue, copy_early, static_cast<const int*>(other.data), out.data));
    OK(launch_early(queue, copy_late, static_cast<const int*>(data.data), last.data));
  }));
  const graph_exec ready(chain);
  expect_early_access(queue, [&] { OK(cudaGraphLaunch(ready, queue)); });
  const graph parted(captured([&] {
    int* output = nullptr;
    produce<<<1, 32, 0, queue>>>(data.data, 8);
    OK(cudaMallocAsync(&output, 128, queue));
    OK(launch_early(queue, copy_early, static_cast<const int*>(data.data), output));
    OK(launch_early(queue, copy_late, static_cast<const int*>(output), last.data));
    OK(cudaFreeAsync(output, queue));
  }));
  const graph_exec also(parted);
  OK(cudaGraphLaunch(also, queue));
  queue.wait();
  CHECK(last.host() == std::vector<int>(32, 8));
}

// SPDX-License-Identifier: Apache-2.0
// Stream capture: what it records, how it forks and joins, and every call that it forbids.
#include <thread>
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

// Ends a capture that a forbidden call has spoiled: the end says so, gives no graph, and the stream works again.
bool spoiled(const stream& queue) {
  cudaStreamCaptureStatus status{};
  OK(cudaStreamIsCapturing(queue, &status));
  if (status != cudaStreamCaptureStatusInvalidated) return false;
  cudaGraph_t made = reinterpret_cast<cudaGraph_t>(1);
  if (cudaStreamEndCapture(queue, &made) != cudaErrorStreamCaptureInvalidated || made != nullptr) return false;
  cudaGetLastError();
  OK(cudaStreamIsCapturing(queue, &status));
  return status == cudaStreamCaptureStatusNone && cudaStreamSynchronize(queue) == cudaSuccess;
}

void begin(const stream& queue, cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal) {
  OK(cudaStreamBeginCapture(queue, mode));
}

cudaGraph_t end(const stream& queue) {
  cudaGraph_t made = nullptr;
  OK(cudaStreamEndCapture(queue, &made));
  return made;
}

cudaStreamCaptureStatus status_of(const stream& queue) {
  cudaStreamCaptureStatus status{};
  OK(cudaStreamIsCapturing(queue, &status));
  return status;
}

}  // namespace

TEST_CASE("captured work runs when the graph is launched, as often as it is launched") {
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 0));
  begin(queue);
  CHECK(status_of(queue) == cudaStreamCaptureStatusActive);
  increment<<<1, 32, 0, queue>>>(data.data);
  increment<<<1, 32, 0, queue>>>(data.data);
  const graph captured(end(queue));
  CHECK(status_of(queue) == cudaStreamCaptureStatusNone);
  CHECK(captured.nodes() == 2);
  CHECK(data.host() == std::vector<int>(32, 0));
  const graph_exec ready(captured);
  for (int i = 0; i < 3; ++i) OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(data.host() == std::vector<int>(32, 6));
}

TEST_CASE("copies, fills and host functions are captured with kernels") {
  const stream queue;
  const device_array<int> data(32);
  const pinned_array<int> in(32), out(32);
  int calls = 0;
  begin(queue);
  OK(cudaMemsetAsync(data.data, 0, 128, queue));
  OK(cudaMemcpyAsync(data.data, in.data, 64, cudaMemcpyHostToDevice, queue));
  increment<<<1, 32, 0, queue>>>(data.data);
  OK(cudaMemcpyAsync(out.data, data.data, 128, cudaMemcpyDeviceToHost, queue));
  OK(cudaLaunchHostFunc(
      queue, [](void* count) { ++*static_cast<int*>(count); }, &calls));
  const graph captured(end(queue));
  CHECK(captured.nodes() == 5);
  const graph_exec ready(captured);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 32; ++i) in[i] = 10 * round + i;
    OK(cudaGraphLaunch(ready, queue));
    queue.wait();
    CHECK(calls == round + 1);
    for (int i = 0; i < 32; ++i) CHECK(out[i] == (i < 16 ? 10 * round + i : 0) + 1);
  }
}

TEST_CASE("streams join a capture by an event and return by another") {
  const stream main, side;
  const event fork, join;
  const device_array<int> a(32), b(32);
  begin(main);
  set<<<1, 32, 0, main>>>(a.data, 1);
  OK(cudaEventRecord(fork, main));
  OK(cudaStreamWaitEvent(side, fork, 0));
  CHECK(status_of(side) == cudaStreamCaptureStatusActive);
  set<<<1, 32, 0, side>>>(b.data, 2);
  increment<<<1, 32, 0, main>>>(a.data);
  OK(cudaEventRecord(join, side));
  OK(cudaStreamWaitEvent(main, join, 0));
  add<<<1, 32, 0, main>>>(a.data, b.data);
  const graph captured(end(main));
  CHECK(status_of(side) == cudaStreamCaptureStatusNone);
  CHECK(captured.nodes() == 4);
  std::size_t edges = 0;
  OK(cudaGraphGetEdges(captured, nullptr, nullptr, nullptr, &edges));
  CHECK(edges == 4);
  const graph_exec ready(captured);
  OK(cudaGraphLaunch(ready, main));
  main.wait();
  CHECK(a.host() == std::vector<int>(32, 4));
}

TEST_CASE("work that never joins is an error at the end") {
  const stream main, side;
  const event fork;
  const device_array<int> a(32), b(32);
  begin(main);
  set<<<1, 32, 0, main>>>(a.data, 1);
  OK(cudaEventRecord(fork, main));
  OK(cudaStreamWaitEvent(side, fork, 0));
  set<<<1, 32, 0, side>>>(b.data, 2);
  cudaGraph_t made = reinterpret_cast<cudaGraph_t>(1);
  CHECK(failed_with(cudaStreamEndCapture(main, &made), cudaErrorStreamCaptureUnjoined));
  CHECK(made == nullptr);
  CHECK(status_of(main) == cudaStreamCaptureStatusNone);
  CHECK(status_of(side) == cudaStreamCaptureStatusNone);
}

TEST_CASE("a capture ends where it began") {
  const stream main, side;
  const event fork;
  cudaGraph_t made = nullptr;
  CHECK(failed_with(cudaStreamEndCapture(main, &made), cudaErrorIllegalState));
  begin(main);
  CHECK(failed_with(cudaStreamBeginCapture(main, cudaStreamCaptureModeGlobal), cudaErrorIllegalState));
  OK(cudaEventRecord(fork, main));
  OK(cudaStreamWaitEvent(side, fork, 0));
  CHECK(failed_with(cudaStreamEndCapture(side, &made), cudaErrorStreamCaptureUnmatched));
  cudaStreamEndCapture(main, &made);
  cudaGetLastError();
  if (made != nullptr) OK(cudaGraphDestroy(made));
}

TEST_CASE("waiting for a capturing stream spoils the capture") {
  const stream queue;
  begin(queue);
  CHECK(failed_with(cudaStreamSynchronize(queue), cudaErrorStreamCaptureUnsupported));
  CHECK(spoiled(queue));
  begin(queue, cudaStreamCaptureModeRelaxed);
  CHECK(failed_with(cudaStreamQuery(queue), cudaErrorStreamCaptureUnsupported));
  CHECK(spoiled(queue));
}

TEST_CASE("calls that wait or allocate are forbidden during a global capture") {
  const stream queue;
  const event other;
  const device_array<int> data(32);
  int host[32];
  void* pointer = nullptr;
  const auto forbidden = [&](auto call) {
    begin(queue);
    CHECK(failed_with(call(), cudaErrorStreamCaptureUnsupported));
    CHECK(spoiled(queue));
  };
  forbidden([&] { return cudaMalloc(&pointer, 4); });
  forbidden([&] { return cudaMallocHost(&pointer, 4); });
  forbidden([&] { return cudaEventQuery(other); });
  forbidden([&] { return cudaEventSynchronize(other); });
  forbidden([&] { return cudaDeviceSynchronize(); });
  forbidden([&] { return cudaMemcpy(host, data.data, 128, cudaMemcpyDeviceToHost); });
}

TEST_CASE("a relaxed capture, or a relaxed thread, may allocate") {
  const stream queue;
  void* pointer = nullptr;
  begin(queue, cudaStreamCaptureModeRelaxed);
  OK(cudaMalloc(&pointer, 4));
  OK(cudaFree(pointer));
  const graph first(end(queue));
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  begin(queue, cudaStreamCaptureModeThreadLocal);
  OK(cudaThreadExchangeStreamCaptureMode(&mode));
  CHECK(mode == cudaStreamCaptureModeGlobal);
  OK(cudaMalloc(&pointer, 4));
  OK(cudaThreadExchangeStreamCaptureMode(&mode));
  CHECK(mode == cudaStreamCaptureModeRelaxed);
  const graph second(end(queue));
  OK(cudaFree(pointer));
}

TEST_CASE("another thread is bound by a global capture, not by a thread-local one") {
  const stream queue;
  const auto allocate_elsewhere = [] {
    cudaError_t status = cudaSuccess;
    std::thread([&] {
      void* pointer = nullptr;
      status = cudaMalloc(&pointer, 4);
      if (status == cudaSuccess) cudaFree(pointer);
    }).join();
    return status;
  };
  begin(queue, cudaStreamCaptureModeThreadLocal);
  CHECK(allocate_elsewhere() == cudaSuccess);
  const graph captured(end(queue));
  begin(queue, cudaStreamCaptureModeGlobal);
  CHECK(allocate_elsewhere() == cudaErrorStreamCaptureUnsupported);
  CHECK(spoiled(queue));
}

TEST_CASE("a capture that is not relaxed ends in its own thread") {
  const stream queue;
  const auto end_elsewhere = [&](cudaGraph_t* made) {
    cudaError_t status = cudaSuccess;
    std::thread([&] { status = cudaStreamEndCapture(queue, made); }).join();
    return status;
  };
  cudaGraph_t made = nullptr;
  begin(queue, cudaStreamCaptureModeThreadLocal);
  CHECK(end_elsewhere(&made) == cudaErrorStreamCaptureWrongThread);
  cudaStreamEndCapture(queue, &made);
  cudaGetLastError();
  if (made != nullptr) OK(cudaGraphDestroy(made));
  begin(queue, cudaStreamCaptureModeRelaxed);
  CHECK(end_elsewhere(&made) == cudaSuccess);
  OK(cudaGraphDestroy(made));
}

TEST_CASE("the legacy stream can neither be captured nor used beside a blocking capture") {
  CHECK(failed_with(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported));
  const stream blocking(cudaStreamDefault);
  const device_array<int> data(32);
  begin(blocking, cudaStreamCaptureModeRelaxed);
  set<<<1, 32>>>(data.data, 1);
  CHECK(cudaGetLastError() == cudaErrorStreamCaptureImplicit);
  CHECK(spoiled(blocking));
  set<<<1, 32>>>(data.data, 1);
  CHECK(cudaGetLastError() == cudaSuccess);
  OK(cudaDeviceSynchronize());
}

TEST_CASE("a capture cannot wait for uncaptured work") {
  const stream queue, outside;
  const event mark;
  OK(cudaEventRecord(mark, outside));
  begin(queue);
  CHECK(failed_with(cudaStreamWaitEvent(queue, mark, 0), cudaErrorStreamCaptureIsolation));
  CHECK(spoiled(queue));
}

TEST_CASE("two captures cannot merge") {
  const stream first, second;
  const event mark;
  begin(first, cudaStreamCaptureModeThreadLocal);
  begin(second, cudaStreamCaptureModeThreadLocal);
  OK(cudaEventRecord(mark, second));
  CHECK(failed_with(cudaStreamWaitEvent(first, mark, 0), cudaErrorStreamCaptureMerge));
  cudaGraph_t made = nullptr;
  cudaStreamEndCapture(first, &made);
  cudaStreamEndCapture(second, &made);
  cudaGetLastError();
  CHECK(status_of(first) == cudaStreamCaptureStatusNone);
  CHECK(status_of(second) == cudaStreamCaptureStatusNone);
}

TEST_CASE("a captured event never happens for the host") {
  const stream queue;
  const event mark;
  begin(queue, cudaStreamCaptureModeRelaxed);
  OK(cudaEventRecord(mark, queue));
  CHECK(failed_with(cudaEventSynchronize(mark), cudaErrorCapturedEvent));
  CHECK(spoiled(queue));
  CHECK(failed_with(cudaEventQuery(mark), cudaErrorCapturedEvent));
  OK(cudaEventRecord(mark, queue));
  OK(cudaEventSynchronize(mark));
}

TEST_CASE("capture information names the graph and the open ends") {
  const stream queue;
  const device_array<int> data(32);
  cudaStreamCaptureStatus status{};
  unsigned long long id = 0;
  cudaGraph_t inside = nullptr;
  const cudaGraphNode_t* nodes = nullptr;
  std::size_t count = 9;
  OK(cudaStreamGetCaptureInfo(queue, &status));
  CHECK(status == cudaStreamCaptureStatusNone);
  begin(queue);
  set<<<1, 32, 0, queue>>>(data.data, 1);
  OK(cudaStreamGetCaptureInfo(queue, &status, &id, &inside, &nodes, nullptr, &count));
  CHECK(status == cudaStreamCaptureStatusActive);
  CHECK(id != 0);
  REQUIRE(count == 1);
  cudaGraphNode_t empty = nullptr;
  OK(cudaGraphAddEmptyNode(&empty, inside, nodes, count));
  OK(cudaStreamUpdateCaptureDependencies(queue, &empty, nullptr, 1, cudaStreamSetCaptureDependencies));
  increment<<<1, 32, 0, queue>>>(data.data);
  const graph captured(end(queue));
  CHECK(captured.nodes() == 3);
  std::size_t roots = 0;
  OK(cudaGraphGetRootNodes(captured, nullptr, &roots));
  CHECK(roots == 1);
}

TEST_CASE("a capture can extend a graph") {
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 0));
  const graph built;
  cudaGraphNode_t root = nullptr;
  OK(cudaGraphAddEmptyNode(&root, built, nullptr, 0));
  OK(cudaStreamBeginCaptureToGraph(queue, built, &root, nullptr, 1, cudaStreamCaptureModeGlobal));
  increment<<<1, 32, 0, queue>>>(data.data);
  cudaGraph_t same = nullptr;
  OK(cudaStreamEndCapture(queue, &same));
  CHECK(same == built.handle);
  CHECK(built.nodes() == 2);
  const graph_exec ready(built);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(data.host() == std::vector<int>(32, 1));
}

TEST_CASE("stream-ordered allocations of a capture live in the graph") {
  const stream queue;
  const device_array<int> out(std::vector<int>(32, 0));
  begin(queue);
  int* scratch = nullptr;
  OK(cudaMallocAsync(&scratch, 128, queue));
  set<<<1, 32, 0, queue>>>(scratch, 3);
  add<<<1, 32, 0, queue>>>(out.data, scratch);
  OK(cudaFreeAsync(scratch, queue));
  const graph captured(end(queue));
  CHECK(captured.nodes() == 4);
  const graph_exec ready(captured);
  for (int i = 0; i < 2; ++i) OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(out.host() == std::vector<int>(32, 6));
}

TEST_CASE("a graph launched into a capture becomes one node") {
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 0));
  begin(queue);
  increment<<<1, 32, 0, queue>>>(data.data);
  increment<<<1, 32, 0, queue>>>(data.data);
  const graph inner(end(queue));
  const graph_exec inner_ready(inner);
  begin(queue);
  OK(cudaGraphLaunch(inner_ready, queue));
  increment<<<1, 32, 0, queue>>>(data.data);
  const graph outer(end(queue));
  CHECK(outer.nodes() == 2);
  const graph_exec ready(outer);
  OK(cudaGraphLaunch(ready, queue));
  queue.wait();
  CHECK(data.host() == std::vector<int>(32, 3));
}

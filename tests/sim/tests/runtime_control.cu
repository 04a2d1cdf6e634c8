// SPDX-License-Identifier: Apache-2.0
// The simulated device's own side: what it records, how it is made to fail, and that a forgotten synchronisation shows.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "../runtime/control.hpp"
#include "runtime_support.cuh"

using support::device_array;
using support::event;
using support::failed_with;
using support::graph;
using support::graph_exec;
using support::pinned_array;
using support::stream;
namespace control = sim::control;

namespace {

__global__ void set(int* data, int value) { data[threadIdx.x] = value; }
__global__ void copy(int* to, const int* from) { to[threadIdx.x] = from[threadIdx.x]; }
__global__ void copy_at(int* to, const int* from, int at) { to[threadIdx.x] = from[threadIdx.x + at]; }

// Reads its input above the wait: right only if nothing in flight writes it.
__global__ void impatient(int* to, const int* from) {
  const int value = from[threadIdx.x];
  cudaGridDependencySynchronize();
  to[threadIdx.x] = value;
}

__global__ void __launch_bounds__(1024) spilling(float* a) {
  float x[80];
#pragma unroll
  for (int i = 0; i < 80; ++i) x[i] = a[i * 1024 + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 80; ++i) a[i * 1024 + threadIdx.x] = x[i] * x[(i * 7) % 80] + x[79 - i];
}

__global__ void trap() { __trap(); }

__global__ void misaligned(const char* bytes, int* out) { *out = *reinterpret_cast<const int*>(bytes + 1); }

// Faults that the test expects: taken, so that the process does not end with them, and the device works again.
std::vector<sim::fault> taken() {
  auto faults = control::take_faults();
  control::clear_faults();
  cudaGetLastError();
  return faults;
}

struct quietly {
  quietly() { control::quiet(true); }
  ~quietly() { control::quiet(false); }
};

struct with_schedule {
  explicit with_schedule(const char* name) { control::set_schedule(name); }
  ~with_schedule() { control::set_schedule("late"); }
};

void launch_dependent(const stream& queue, void (*kernel)(int*, const int*), int* to, const int* from) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(1), how.blockDim = dim3(32), how.stream = queue, how.attrs = &attribute, how.numAttrs = 1;
  OK(cudaLaunchKernelEx(&how, kernel, to, from));
}

}  // namespace

TEST_CASE("launches are recorded with their shape, their counters and what ptxas made of them") {
  const with_schedule late("late");
  const stream queue;
  const device_array<int> data(32), other(32);
  control::reset();
  set<<<1, 32, 0, queue>>>(data.data, 1);
  CHECK(control::launch_count() == 0);  // nothing has waited
  copy<<<1, 32, 16, queue>>>(other.data, data.data);
  queue.wait();
  REQUIRE(control::launches().size() == 2);
  const auto launch = control::launch_of("copy");
  CHECK(launch.grid.x == 1);
  CHECK(launch.block.x == 32);
  CHECK(launch.dynamic_shared_bytes == 16);
  CHECK(launch.counts.loads.distinct_bytes == 128);
  CHECK(launch.counts.stores.distinct_bytes == 128);
  CHECK(launch.counts.loads.efficiency() == 1.0);
  CHECK(launch.registers >= 8);
  CHECK(launch.local_bytes == 0);
  CHECK(launch.blocks_per_multiprocessor == 32);
  CHECK(launch.occupancy == 0.5);  // 32 blocks of one warp, of 64 warps
  unsigned long long id = 0;
  OK(cudaStreamGetId(queue, &id));
  CHECK(launch.stream == id);
  CHECK_THROWS_AS(control::launch_of("no such kernel"), std::runtime_error);
}

TEST_CASE("spills show in the record of a launch") {
  const device_array<float> data(std::vector<float>(80 * 1024, 1.0f));
  control::reset();
  spilling<<<1, 1024>>>(data.data);
  OK(cudaDeviceSynchronize());
  const auto launch = control::launch_of("spilling");
  CHECK(launch.registers == 64);
  CHECK(launch.ptx_local_bytes == 0);
  CHECK(launch.local_bytes > 0);
  CHECK(launch.local_stores > 0);
  CHECK(launch.local_loads > 0);
}

TEST_CASE("an unwaited copy to pinned memory has not happened") {
  const with_schedule late("late");
  const stream queue;
  const device_array<int> data(32);
  const pinned_array<int> host(32);
  host[0] = -1;
  set<<<1, 32, 0, queue>>>(data.data, 5);
  OK(cudaMemcpyAsync(host.data, data.data, 128, cudaMemcpyDeviceToHost, queue));
  CHECK(host[0] == -1);
  CHECK(control::pending_operations() == 2);
  queue.wait();
  CHECK(host[0] == 5);
}

TEST_CASE("pinned memory changed before its copy has run is copied as changed") {
  const with_schedule late("late");
  const stream queue;
  const device_array<int> data(32);
  const pinned_array<int> host(32);
  for (int i = 0; i < 32; ++i) host[i] = 1;
  OK(cudaMemcpyAsync(data.data, host.data, 128, cudaMemcpyHostToDevice, queue));
  for (int i = 0; i < 32; ++i) host[i] = 2;
  queue.wait();
  CHECK(data.host() == std::vector<int>(32, 2));
}

TEST_CASE("a forgotten event between two streams is found, whatever runs first") {
  const quietly no_output;
  enum class order { none, event_wait, host_wait };
  const auto run = [&](const char* schedule, order how) {
    const with_schedule chosen(schedule);
    const stream producer, consumer;
    const event ready;
    const device_array<int> made(32), out(32);
    set<<<1, 32, 0, producer>>>(made.data, 5);
    if (how == order::event_wait) {
      OK(cudaEventRecord(ready, producer));
      OK(cudaStreamWaitEvent(consumer, ready, 0));
    }
    if (how == order::host_wait) producer.wait();
    copy<<<1, 32, 0, consumer>>>(out.data, made.data);
    cudaDeviceSynchronize();
    return taken();
  };
  for (const char* schedule : {"late", "eager", "random:1", "random:2", "random:3"}) {
    CHECK(run(schedule, order::event_wait).empty());
    CHECK(run(schedule, order::host_wait).empty());
    CHECK(!run(schedule, order::none).empty());
  }
  // Late: the newest work first, so the consumer finds nothing. Eager: values are right, but only by luck.
  CHECK(run("late", order::none).front().kind == sim::fault_kind::unwritten);
  const auto lucky = run("eager", order::none).front();
  CHECK(lucky.kind == sim::fault_kind::global_race);
  CHECK(lucky.message.find("copy") != std::string::npos);
  CHECK(lucky.message.find("reads what kernel") != std::string::npos);
  CHECK(lucky.message.find("record an event") != std::string::npos);
}

TEST_CASE("overwriting what another stream still reads is found") {
  const quietly no_output;
  const with_schedule eager("eager");
  const device_array<int> data(std::vector<int>(32, 1)), out(32);
  const stream reader, writer;
  const event read;
  OK(cudaDeviceSynchronize());
  copy<<<1, 32, 0, reader>>>(out.data, data.data);
  OK(cudaEventRecord(read, reader));
  OK(cudaStreamWaitEvent(writer, read, 0));
  OK(cudaMemsetAsync(data.data, 0, 128, writer));
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
  copy<<<1, 32, 0, reader>>>(out.data, data.data);
  cudaMemsetAsync(data.data, 0, 64, writer);
  CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
  CHECK(taken().front().message.find("writes what kernel") != std::string::npos);
}

TEST_CASE("freeing what another stream still uses is found") {
  const quietly no_output;
  const with_schedule eager("eager");
  const stream owner, user;
  const event made;
  int* data = nullptr;
  OK(cudaMallocAsync(&data, 128, owner));
  OK(cudaEventRecord(made, owner));
  OK(cudaStreamWaitEvent(user, made, 0));
  set<<<1, 32, 0, user>>>(data, 3);
  cudaFreeAsync(data, owner);  // nothing tells the owner that the user is done
  CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
  CHECK(!taken().empty());
}

TEST_CASE("nodes of a graph that share bytes need a path of edges") {
  const quietly no_output;
  const device_array<int> data(std::vector<int>(32, 1)), out(32);
  const stream main, side;
  const event fork, join;
  const auto capture = [&](bool wait_for_fork_late) {
    OK(cudaStreamBeginCapture(main, cudaStreamCaptureModeGlobal));
    if (!wait_for_fork_late) set<<<1, 32, 0, main>>>(data.data, 2);
    OK(cudaEventRecord(fork, main));
    OK(cudaStreamWaitEvent(side, fork, 0));
    if (wait_for_fork_late) set<<<1, 32, 0, main>>>(data.data, 2);  // not before the fork
    copy<<<1, 32, 0, side>>>(out.data, data.data);
    OK(cudaEventRecord(join, side));
    OK(cudaStreamWaitEvent(main, join, 0));
    cudaGraph_t made = nullptr;
    OK(cudaStreamEndCapture(main, &made));
    const graph captured(made);
    const graph_exec ready(captured);
    OK(cudaGraphLaunch(ready, main));
    cudaStreamSynchronize(main);
    return taken();
  };
  CHECK(capture(false).empty());
  const auto faults = capture(true);
  REQUIRE(!faults.empty());
  CHECK(faults.front().kind == sim::fault_kind::global_race);
  CHECK(faults.front().message.find("add an edge") != std::string::npos);
}

TEST_CASE("a random schedule repeats for its seed, and seeds differ") {
  const auto run = [&](int seed) {
    const device_array<int> first(32), second(32);
    const stream one, other;
    const with_schedule random(("random:" + std::to_string(seed)).c_str());
    control::reset();
    for (int i = 0; i < 4; ++i) {
      set<<<1, 32, 0, one>>>(first.data, i);
      set<<<1, 16, 0, other>>>(second.data, i);
    }
    OK(cudaDeviceSynchronize());
    std::string order;
    for (const auto& launch : control::launches()) order += launch.block.x == 32 ? '1' : '2';
    return order;
  };
  std::vector<std::string> seen;
  for (int seed = 0; seed < 10; ++seed) {
    const auto order = run(seed);
    CHECK(order.size() == 8);
    CHECK(run(seed) == order);
    seen.push_back(order);
  }
  std::sort(seen.begin(), seen.end());
  CHECK(std::unique(seen.begin(), seen.end()) - seen.begin() > 3);
  CHECK_THROWS_AS(control::set_schedule("random"), std::invalid_argument);
}

TEST_CASE("a kernel that reads above the wait what the kernel before writes is found") {
  const quietly no_output;
  const stream queue;
  const device_array<int> weights(std::vector<int>(32, 1)), data(std::vector<int>(32, 0)), out(32), other(32);
  set<<<1, 32, 0, queue>>>(data.data, 5);
  launch_dependent(queue, impatient, out.data, weights.data);  // nobody writes the weights
  CHECK(cudaStreamSynchronize(queue) == cudaSuccess);
  set<<<1, 32, 0, queue>>>(data.data, 6);
  launch_dependent(queue, impatient, out.data, data.data);
  CHECK(cudaStreamSynchronize(queue) == cudaErrorLaunchFailure);
  const auto faults = taken();
  REQUIRE(!faults.empty());
  CHECK(faults.front().kind == sim::fault_kind::early_dependent_access);
  // Both kernels ahead of a chain may still run.
  set<<<1, 32, 0, queue>>>(data.data, 7);
  launch_dependent(queue, impatient, out.data, weights.data);
  launch_dependent(queue, impatient, other.data, data.data);
  CHECK(cudaStreamSynchronize(queue) == cudaErrorLaunchFailure);
  CHECK(taken().front().kind == sim::fault_kind::early_dependent_access);
  // In a graph the edge carries it.
  OK(cudaStreamBeginCapture(queue, cudaStreamCaptureModeGlobal));
  set<<<1, 32, 0, queue>>>(data.data, 6);
  launch_dependent(queue, impatient, out.data, data.data);
  cudaGraph_t made = nullptr;
  OK(cudaStreamEndCapture(queue, &made));
  const graph captured(made);
  const graph_exec ready(captured);
  OK(cudaGraphLaunch(ready, queue));
  CHECK(cudaStreamSynchronize(queue) == cudaErrorLaunchFailure);
  CHECK(taken().front().kind == sim::fault_kind::early_dependent_access);
}

TEST_CASE("a fault is sticky, is told at the next synchronisation, and stays until it is cleared") {
  const quietly no_output;
  const device_array<int> data(32), out(32);
  const auto faults_as = [&](cudaError_t expected, sim::fault_kind kind) {
    CHECK(cudaDeviceSynchronize() == expected);
    CHECK(cudaGetLastError() == expected);
    CHECK(cudaGetLastError() == expected);
    void* pointer = nullptr;
    CHECK(cudaMalloc(&pointer, 4) == expected);
    const auto faults = taken();
    REQUIRE(!faults.empty());
    CHECK(faults.front().kind == kind);
    CHECK(cudaDeviceSynchronize() == cudaSuccess);
  };
  set<<<1, 32>>>(data.data, 1);
  copy_at<<<1, 32>>>(out.data, data.data, 1);
  CHECK(cudaGetLastError() == cudaSuccess);
  faults_as(cudaErrorIllegalAddress, sim::fault_kind::out_of_bounds);
  misaligned<<<1, 1>>>(reinterpret_cast<const char*>(data.data), out.data);
  faults_as(cudaErrorMisalignedAddress, sim::fault_kind::misaligned);
  trap<<<1, 1>>>();
  faults_as(cudaErrorLaunchFailure, sim::fault_kind::trap);
}

TEST_CASE("freed memory is not read, written, copied or freed again") {
  const quietly no_output;
  int *pointer = nullptr, host[32];
  const device_array<int> out(32);
  OK(cudaMalloc(&pointer, 128));
  OK(cudaFree(pointer));
  copy<<<1, 32>>>(out.data, pointer);
  CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  CHECK(!taken().empty());
  control::take_complaints();
  CHECK(failed_with(cudaMemcpy(host, pointer, 128, cudaMemcpyDeviceToHost), cudaErrorInvalidValue));
  const auto complaints = control::take_complaints();
  REQUIRE(complaints.size() == 1);
  CHECK(complaints[0].find("128 of the cudaMalloc") != std::string::npos);
  CHECK(complaints[0].find("released by cudaFree") != std::string::npos);
  const stream queue;
  OK(cudaMallocAsync(&pointer, 128, queue));
  OK(cudaFreeAsync(pointer, queue));
  CHECK(failed_with(cudaFreeAsync(pointer, queue), cudaErrorInvalidValue));
  CHECK(failed_with(cudaMemcpyAsync(host, pointer, 128, cudaMemcpyDeviceToHost, queue), cudaErrorInvalidValue));
  queue.wait();
}

TEST_CASE("stream-ordered memory used before its turn is found") {
  const quietly no_output;
  const stream owner, other;
  const device_array<int> out(32);
  int* made = nullptr;
  OK(cudaMallocAsync(&made, 128, owner));
  set<<<1, 32, 0, other>>>(made, 3);  // no event orders this after the allocation
  other.wait();
  copy<<<1, 32, 0, owner>>>(out.data, made);
  CHECK(cudaStreamSynchronize(owner) == cudaErrorLaunchFailure);
  CHECK(taken().front().kind == sim::fault_kind::global_race);
  OK(cudaFree(made));
}

TEST_CASE("bytes that nothing wrote do not reach the host unnoticed") {
  const quietly no_output;
  const device_array<int> data(32);
  int host[32];
  CHECK(cudaMemcpy(host, data.data, 128, cudaMemcpyDeviceToHost) == cudaErrorIllegalAddress);
  CHECK(taken().size() == 1);
}

TEST_CASE("the nth call of an entry point fails as planned") {
  void *first = nullptr, *second = nullptr;
  control::fail("cudaMalloc", 2, cudaErrorMemoryAllocation);
  OK(cudaMalloc(&first, 4));
  CHECK(failed_with(cudaMalloc(&second, 4), cudaErrorMemoryAllocation));
  CHECK(control::last_failed() == "cudaMalloc");
  OK(cudaMalloc(&second, 4));
  OK(cudaFree(first));
  OK(cudaFree(second));
  control::reset();
  control::fail("cudaLaunchKernel", 1, cudaErrorLaunchOutOfResources);
  set<<<1, 32>>>(nullptr, 1);
  CHECK(cudaGetLastError() == cudaErrorLaunchOutOfResources);
  CHECK(control::calls("cudaLaunchKernel") == 1);
  control::clear_failures();
}

TEST_CASE("a planned failure of a release still releases") {
  void* pointer = nullptr;
  const auto before = control::live();
  OK(cudaMalloc(&pointer, 4));
  control::fail("cudaFree", 1, cudaErrorLaunchFailure);
  CHECK(failed_with(cudaFree(pointer), cudaErrorLaunchFailure));
  CHECK(control::live() == before);
  cudaStream_t queue = nullptr;
  OK(cudaStreamCreateWithFlags(&queue, cudaStreamNonBlocking));
  OK(cudaStreamBeginCapture(queue, cudaStreamCaptureModeGlobal));
  control::fail("cudaStreamEndCapture", 1, cudaErrorUnknown);
  cudaGraph_t made = reinterpret_cast<cudaGraph_t>(1);
  CHECK(failed_with(cudaStreamEndCapture(queue, &made), cudaErrorUnknown));
  CHECK(made == nullptr);
  OK(cudaStreamSynchronize(queue));
  OK(cudaStreamDestroy(queue));
  CHECK(control::live() == before);
}

TEST_CASE("a planned failure of an execution shows at the next synchronisation") {
  const quietly no_output;
  const device_array<int> data(32);
  control::fail_execution(2, cudaErrorECCUncorrectable);
  set<<<1, 32>>>(data.data, 1);
  OK(cudaDeviceSynchronize());
  set<<<1, 32>>>(data.data, 2);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(cudaDeviceSynchronize() == cudaErrorECCUncorrectable);
  CHECK(taken().empty());
  OK(cudaDeviceSynchronize());
}

TEST_CASE("every call fails once in a driver that finds what is left behind") {
  int* kept = nullptr;
  const auto careful = [&](long) {
    int *a = nullptr, *b = nullptr;
    cudaStream_t queue = nullptr;
    if (cudaMalloc(&a, 128) == cudaSuccess && cudaMalloc(&b, 128) == cudaSuccess &&
        cudaStreamCreate(&queue) == cudaSuccess) {
      set<<<1, 32, 0, queue>>>(a, 1);
      cudaMemcpyAsync(b, a, 128, cudaMemcpyDeviceToDevice, queue);
      cudaStreamSynchronize(queue);
    }
    if (queue != nullptr) cudaStreamDestroy(queue);
    cudaFree(b);
    cudaFree(a);
    cudaGetLastError();
  };
  CHECK(control::for_each_failure(careful) == 9);
  const auto careless = [&](long) {
    int *a = nullptr, *b = nullptr;
    if (cudaMalloc(&a, 128) != cudaSuccess) return;
    if (cudaMalloc(&b, 128) != cudaSuccess) {
      kept = a;
      return;
    }
    cudaFree(b);
    cudaFree(a);
  };
  std::string message;
  try {
    control::for_each_failure(careless);
  } catch (const std::runtime_error& leak) {
    message = leak.what();
  }
  CHECK(message.find("call 2 (cudaMalloc)") != std::string::npos);
  CHECK(message.find("1 device allocations") != std::string::npos);
  cudaGetLastError();
  OK(cudaFree(kept));
}

TEST_CASE("the capacity of the device can be set, and is enforced") {
  std::size_t free = 0, total = 0;
  OK(cudaMemGetInfo(&free, &total));
  control::set_memory_capacity(total - free + 1000);
  void *first = nullptr, *second = nullptr;
  OK(cudaMalloc(&first, 600));
  CHECK(failed_with(cudaMalloc(&second, 600), cudaErrorMemoryAllocation));
  OK(cudaFree(first));
  OK(cudaMalloc(&second, 600));
  OK(cudaFree(second));
  control::set_memory_capacity(total);
}

TEST_CASE("a reset of the device ends everything on it") {
  const quietly no_output;
  void* pointer = nullptr;
  cudaStream_t queue = nullptr;
  cudaEvent_t mark = nullptr;
  cudaGraph_t built = nullptr;
  OK(cudaMalloc(&pointer, 128));
  OK(cudaStreamCreate(&queue));
  OK(cudaEventCreate(&mark));
  OK(cudaGraphCreate(&built, 0));
  trap<<<1, 1>>>();
  CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
  control::take_faults();
  OK(cudaDeviceReset());
  cudaGetLastError();
  CHECK(control::live() == control::alive{});
  CHECK(failed_with(cudaStreamSynchronize(queue), cudaErrorInvalidResourceHandle));
  OK(cudaDeviceSynchronize());
}

TEST_CASE("every call of capture, instantiation, rebinding and launch can fail without leaving anything") {
  const device_array<int> data(std::vector<int>(32, 0)), other(32);
  cudaStream_t queue = nullptr;
  OK(cudaStreamCreateWithFlags(&queue, cudaStreamNonBlocking));
  OK(cudaDeviceSynchronize());
  long right = 0;
  const auto replay = [&](long) {
    cudaGraph_t captured = nullptr;
    cudaGraphExec_t ready = nullptr;
    cudaGraphNode_t node = nullptr;
    std::size_t count = 1;
    bool good = cudaStreamBeginCapture(queue, cudaStreamCaptureModeThreadLocal) == cudaSuccess;
    if (good) {
      set<<<1, 32, 0, queue>>>(data.data, 3);
      good = cudaGetLastError() == cudaSuccess;
      good = cudaMemcpyAsync(other.data, data.data, 128, cudaMemcpyDeviceToDevice, queue) == cudaSuccess && good;
      good = cudaStreamEndCapture(queue, &captured) == cudaSuccess && good;
    }
    int* pointer = data.data;
    int value = 4;
    void* arguments[] = {&pointer, &value};
    cudaKernelNodeParams launch{};
    launch.func = reinterpret_cast<void*>(set);
    launch.gridDim = dim3(1), launch.blockDim = dim3(32), launch.kernelParams = arguments;
    good = good && cudaGraphGetRootNodes(captured, &node, &count) == cudaSuccess &&
           cudaGraphInstantiate(&ready, captured, 0) == cudaSuccess &&
           cudaGraphExecKernelNodeSetParams(ready, node, &launch) == cudaSuccess &&
           cudaGraphLaunch(ready, queue) == cudaSuccess && cudaStreamSynchronize(queue) == cudaSuccess;
    right += good;
    if (ready != nullptr) cudaGraphExecDestroy(ready);
    if (captured != nullptr) cudaGraphDestroy(captured);
    cudaGetLastError();
    cudaStreamCaptureStatus status{};
    while (cudaStreamIsCapturing(queue, &status) != cudaSuccess) cudaGetLastError();
    CHECK(status == cudaStreamCaptureStatusNone);
  };
  CHECK(control::for_each_failure(replay, cudaErrorUnknown) == 12);
  // The first run, and those in which only a release or the last question failed.
  CHECK(right == 4);
  CHECK(other.host() == std::vector<int>(32, 4));
  OK(cudaStreamDestroy(queue));
}

TEST_CASE("a long run keeps what it remembers bounded") {
  const quietly no_output;
  const stream queue;
  const device_array<int> data(std::vector<int>(32, 0));
  OK(cudaDeviceSynchronize());
  control::reset();
  OK(cudaStreamBeginCapture(queue, cudaStreamCaptureModeGlobal));
  set<<<1, 32, 0, queue>>>(data.data, 3);
  cudaGraph_t made = nullptr;
  OK(cudaStreamEndCapture(queue, &made));
  const graph captured(made);
  const graph_exec ready(captured);
  for (int i = 0; i < 10000; ++i) OK(cudaGraphLaunch(ready, queue));
  CHECK(control::pending_operations() <= 4096);  // the queue is bounded: the oldest work has run
  queue.wait();
  CHECK(control::launch_count() == 10000);
  CHECK(control::launches().size() <= 4096);
}

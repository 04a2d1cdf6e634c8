// SPDX-License-Identifier: Apache-2.0
// Streams, events and host functions: order within a stream, across streams, and for the host.
#include <thread>
#include <vector>

#include "runtime_support.cuh"

using support::device_array;
using support::event;
using support::failed_with;
using support::pinned_array;
using support::stream;

namespace {

__global__ void set(int* data, int value) { data[threadIdx.x] = value; }
__global__ void add(int* data, const int* more) { data[threadIdx.x] += more[threadIdx.x]; }
__global__ void multiply(int* data, int factor) { data[threadIdx.x] *= factor; }

}  // namespace

TEST_CASE("work in one stream happens in order") {
  const stream queue;
  const device_array<int> data(32);
  set<<<1, 32, 0, queue>>>(data.data, 2);
  multiply<<<1, 32, 0, queue>>>(data.data, 5);
  set<<<1, 1, 0, queue>>>(data.data, 1);
  multiply<<<1, 32, 0, queue>>>(data.data, 3);
  queue.wait();
  auto expected = std::vector<int>(32, 30);
  expected[0] = 3;
  CHECK(data.host() == expected);
}

TEST_CASE("an event orders two streams") {
  const stream producer, consumer;
  const event ready;
  const device_array<int> a(32), b(32);
  set<<<1, 32, 0, producer>>>(a.data, 4);
  OK(cudaEventRecord(ready, producer));
  set<<<1, 32, 0, consumer>>>(b.data, 1);
  OK(cudaStreamWaitEvent(consumer, ready, 0));
  add<<<1, 32, 0, consumer>>>(b.data, a.data);
  consumer.wait();
  CHECK(b.host() == std::vector<int>(32, 5));
  producer.wait();
}

TEST_CASE("an event stands for its last record before the wait") {
  const stream first, second;
  const event mark;
  const device_array<int> data(32);
  OK(cudaEventRecord(mark, first));
  set<<<1, 32, 0, first>>>(data.data, 1);
  OK(cudaEventRecord(mark, first));
  OK(cudaStreamWaitEvent(second, mark, 0));
  multiply<<<1, 32, 0, second>>>(data.data, 7);
  OK(cudaEventRecord(mark, first));  // too late to matter to the wait
  second.wait();
  CHECK(data.host() == std::vector<int>(32, 7));
  first.wait();
}

TEST_CASE("an event that was never recorded is complete") {
  const event never;
  CHECK(cudaEventQuery(never) == cudaSuccess);
  CHECK(cudaEventSynchronize(never) == cudaSuccess);
  const stream queue;
  CHECK(cudaStreamWaitEvent(queue, never, 0) == cudaSuccess);
  CHECK(cudaStreamQuery(queue) == cudaSuccess);
}

TEST_CASE("a loop of queries ends") {
  const stream queue;
  const event done;
  const device_array<int> data(32);
  for (int i = 0; i < 10; ++i) set<<<1, 32, 0, queue>>>(data.data, i);
  OK(cudaEventRecord(done, queue));
  while (true) {
    const cudaError_t status = cudaEventQuery(done);
    if (status == cudaSuccess) break;
    REQUIRE(status == cudaErrorNotReady);
  }
  while (cudaStreamQuery(queue) == cudaErrorNotReady) {
  }
  cudaGetLastError();
  CHECK(data.host() == std::vector<int>(32, 9));
}

TEST_CASE("the legacy stream waits for blocking streams and they for it") {
  const stream blocking(cudaStreamDefault);
  const device_array<int> data(32);
  set<<<1, 32, 0, blocking>>>(data.data, 3);
  multiply<<<1, 32>>>(data.data, 5);  // after the blocking stream's work
  set<<<1, 16, 0, blocking>>>(data.data, 1);
  blocking.wait();
  std::vector<int> expected(32, 15);
  for (int i = 0; i < 16; ++i) expected[i] = 1;
  CHECK(data.host() == expected);
}

TEST_CASE("each thread has its own default stream") {
  const device_array<int> data(32);
  unsigned long long here = 0, there = 0, again = 0;
  OK(cudaStreamGetId(cudaStreamPerThread, &here));
  std::thread([&] {
    CHECK(cudaStreamGetId(cudaStreamPerThread, &there) == cudaSuccess);
    set<<<1, 32, 0, cudaStreamPerThread>>>(data.data, 6);
    CHECK(cudaStreamSynchronize(cudaStreamPerThread) == cudaSuccess);
  }).join();
  OK(cudaStreamGetId(cudaStreamPerThread, &again));
  CHECK(here != there);
  CHECK(here == again);
  CHECK(data.host() == std::vector<int>(32, 6));
}

TEST_CASE("a host function runs in its turn, on another thread, and may not call the runtime") {
  struct seen {
    pinned_array<int>* values;
    int value = 0;
    std::thread::id thread;
    cudaError_t call = cudaSuccess;
  } seen;
  const stream queue;
  pinned_array<int> values(32);
  const device_array<int> data(32);
  seen.values = &values;
  set<<<1, 32, 0, queue>>>(data.data, 8);
  OK(cudaMemcpyAsync(values.data, data.data, 128, cudaMemcpyDeviceToHost, queue));
  OK(cudaLaunchHostFunc(
      queue,
      [](void* argument) {
        auto& what = *static_cast<struct seen*>(argument);
        what.value = (*what.values)[31];
        what.thread = std::this_thread::get_id();
        void* pointer = nullptr;
        what.call = cudaMalloc(&pointer, 4);
      },
      &seen));
  queue.wait();
  CHECK(seen.value == 8);
  CHECK(seen.thread != std::this_thread::get_id());
  CHECK(seen.call == cudaErrorNotPermitted);
}

TEST_CASE("a copy from ordinary memory has read it when the call returns") {
  const stream queue;
  const device_array<int> data(32);
  std::vector<int> values(32, 5);
  OK(cudaMemcpyAsync(data.data, values.data(), 128, cudaMemcpyHostToDevice, queue));
  values.assign(32, 6);
  queue.wait();
  CHECK(data.host() == std::vector<int>(32, 5));
}

TEST_CASE("events measure time that does not run backwards") {
  const stream queue;
  const event start(cudaEventDefault), end(cudaEventDefault), untimed;
  const device_array<int> data(1 << 20);
  OK(cudaEventRecord(start, queue));
  OK(cudaMemsetAsync(data.data, 0, 4 << 20, queue));
  OK(cudaEventRecord(end, queue));
  OK(cudaEventRecord(untimed, queue));
  OK(cudaEventSynchronize(untimed));
  float milliseconds = -1;
  OK(cudaEventElapsedTime(&milliseconds, start, end));
  CHECK(milliseconds > 0);
  CHECK(failed_with(cudaEventElapsedTime(&milliseconds, start, untimed), cudaErrorInvalidResourceHandle));
}

TEST_CASE("streams keep their flags and priorities") {
  int least = 0, greatest = 0, priority = 1;
  unsigned flags = 9;
  OK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  CHECK(greatest < least);
  cudaStream_t made = nullptr;
  OK(cudaStreamCreateWithPriority(&made, cudaStreamNonBlocking, greatest - 10));
  OK(cudaStreamGetPriority(made, &priority));
  CHECK(priority == greatest);
  OK(cudaStreamGetFlags(made, &flags));
  CHECK(flags == cudaStreamNonBlocking);
  OK(cudaStreamDestroy(made));
}

TEST_CASE("many threads use many streams") {
  std::vector<std::thread> threads;
  std::vector<int> results(8);
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([t, &results] {
      int *data = nullptr, host[32];
      cudaStream_t queue = nullptr;
      bool good = cudaStreamCreateWithFlags(&queue, cudaStreamNonBlocking) == cudaSuccess &&
                  cudaMalloc(&data, 128) == cudaSuccess;
      for (int i = 0; good && i < 20; ++i) {
        set<<<1, 32, 0, queue>>>(data, t * 100 + i);
        good = cudaMemcpyAsync(host, data, 128, cudaMemcpyDeviceToHost, queue) == cudaSuccess &&
               cudaStreamSynchronize(queue) == cudaSuccess && host[31] == t * 100 + i;
      }
      good = good && cudaFree(data) == cudaSuccess && cudaStreamDestroy(queue) == cudaSuccess;
      results[t] = good;
    });
  for (auto& thread : threads) thread.join();
  CHECK(results == std::vector<int>(8, 1));
}

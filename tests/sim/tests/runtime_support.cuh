// SPDX-License-Identifier: Apache-2.0
// What the runtime's tests share: checked calls, owned handles.
#pragma once

#include <cuda_runtime.h>
#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

namespace support {

// Every call of the runtime that a test expects to work goes through this.
#define OK(call) REQUIRE((call) == cudaSuccess)

// For calls that must fail: the code is returned, and is the thread's last error.
inline bool failed_with(cudaError_t returned, cudaError_t expected) {
  return returned == expected && cudaGetLastError() == expected && cudaGetLastError() == cudaSuccess;
}

template <class T>
struct device_array {
  T* data = nullptr;
  std::size_t size = 0;
  explicit device_array(std::size_t n) : size(n) { OK(cudaMalloc(&data, n * sizeof(T))); }
  explicit device_array(const std::vector<T>& host) : device_array(host.size()) {
    OK(cudaMemcpy(data, host.data(), size * sizeof(T), cudaMemcpyHostToDevice));
  }
  device_array(const device_array&) = delete;
  ~device_array() { cudaFree(data); }
  std::vector<T> host() const {
    std::vector<T> result(size);
    OK(cudaMemcpy(result.data(), data, size * sizeof(T), cudaMemcpyDeviceToHost));
    return result;
  }
};

template <class T>
struct pinned_array {
  T* data = nullptr;
  std::size_t size = 0;
  explicit pinned_array(std::size_t n) : size(n) { OK(cudaMallocHost(&data, n * sizeof(T))); }
  pinned_array(const pinned_array&) = delete;
  ~pinned_array() { cudaFreeHost(data); }
  T& operator[](std::size_t i) const { return data[i]; }
};

struct stream {
  cudaStream_t handle = nullptr;
  explicit stream(unsigned flags = cudaStreamNonBlocking) { OK(cudaStreamCreateWithFlags(&handle, flags)); }
  stream(const stream&) = delete;
  ~stream() { cudaStreamDestroy(handle); }
  operator cudaStream_t() const { return handle; }
  void wait() const { OK(cudaStreamSynchronize(handle)); }
};

struct event {
  cudaEvent_t handle = nullptr;
  explicit event(unsigned flags = cudaEventDisableTiming) { OK(cudaEventCreateWithFlags(&handle, flags)); }
  event(const event&) = delete;
  ~event() { cudaEventDestroy(handle); }
  operator cudaEvent_t() const { return handle; }
};

struct graph {
  cudaGraph_t handle = nullptr;
  graph() { OK(cudaGraphCreate(&handle, 0)); }
  explicit graph(cudaGraph_t owned) : handle(owned) {}
  graph(const graph&) = delete;
  ~graph() {
    if (handle != nullptr) cudaGraphDestroy(handle);
  }
  operator cudaGraph_t() const { return handle; }
  std::size_t nodes() const {
    std::size_t count = 0;
    OK(cudaGraphGetNodes(handle, nullptr, &count));
    return count;
  }
};

struct graph_exec {
  cudaGraphExec_t handle = nullptr;
  explicit graph_exec(cudaGraph_t from) { OK(cudaGraphInstantiate(&handle, from, 0)); }
  graph_exec(const graph_exec&) = delete;
  ~graph_exec() { cudaGraphExecDestroy(handle); }
  operator cudaGraphExec_t() const { return handle; }
};

}  // namespace support

// SPDX-License-Identifier: Apache-2.0
// What may be called while a stream is captured: one capture for each call, which is expected to go on. fuse captures
// thread-locally, with a kernel in front.
#include <thread>

#include "probe.hpp"
#include "questions.hpp"

namespace probe {

namespace {

/// Loaded by its first launch, which is captured.
__global__ void loaded_late(int* p) { p[threadIdx.x] = 1; }
__global__ void plain(int* p) { p[threadIdx.x] += 1; }

struct outcome {
  cudaError_t call = cudaSuccess;
  std::string capture;
  cudaError_t end = cudaSuccess;
};
/// call(the captured stream) during a capture.
template <class F>
outcome in_capture(F call) {
  static int* const p = memory<int>(64);
  const cudaStream_t s = new_stream();
  begin_capture(s);
  need(launch(s, true, 1, 64, add_one, p, p, 64, 0), "launch");
  outcome o;
  o.call = call(s);
  cudaGetLastError();
  o.capture = capture_status(s);
  cudaGraph_t g = nullptr;
  o.end = cudaStreamEndCapture(s, &g);
  cudaGetLastError();
  return o;
}
std::string text(const outcome& o) {
  return std::string(cudaGetErrorName(o.call)) + ", the capture " + o.capture + ", its end " + cudaGetErrorName(o.end);
}
const char* const allowed = "cudaSuccess, the capture goes on, its end cudaSuccess";

template <class F>
void expect_allowed(const char* what, F call) {
  expect(what, text(in_capture(call)), allowed);
}
template <class F>
void find(const char* what, F call) {
  found(what, text(in_capture(call)));
}

/// Nobody knows whether call(stream) is allowed; with captures of this thread relaxed it is expected to be.
template <class F>
void expect_allowed_relaxed(const std::string& what, F call) {
  found(what, text(in_capture(call)));
  expect(what + ", relaxed", text(in_capture([&](cudaStream_t s) { return relaxed([&] { return call(s); }); })),
         allowed);
}

}  // namespace

void legal_calls() {
  expect_allowed("cudaGetDevice", [](cudaStream_t) {
    int d = 0;
    return cudaGetDevice(&d);
  });
  expect_allowed("cudaDeviceGetAttribute", [](cudaStream_t) {
    int d = 0;
    return cudaDeviceGetAttribute(&d, cudaDevAttrMultiProcessorCount, 0);
  });
  expect_allowed("the first launch of a kernel, which loads it",
                 [](cudaStream_t s) { return launch(s, true, 1, 32, loaded_late, placeholder(0)); });
  static int* const p = memory<int>(64);
  expect_allowed("cudaMemcpyAsync within the device",
                 [](cudaStream_t s) { return cudaMemcpyAsync(p, p + 32, 64, cudaMemcpyDeviceToDevice, s); });
  expect_allowed("cudaMemsetAsync", [](cudaStream_t s) { return cudaMemsetAsync(p, 0, 64, s); });
}

void relaxed_calls() {
  static int* const p = memory<int>(64);
  expect_allowed_relaxed("cudaPointerGetAttributes", [](cudaStream_t) {
    cudaPointerAttributes a{};
    return cudaPointerGetAttributes(&a, p);
  });
  expect_allowed_relaxed("cudaPointerGetAttributes of no memory", [](cudaStream_t) {
    cudaPointerAttributes a{};
    return cudaPointerGetAttributes(&a, placeholder(3));
  });
  expect_allowed_relaxed("cudaFuncSetAttribute", [](cudaStream_t) {
    return cudaFuncSetAttribute(plain, cudaFuncAttributeMaxDynamicSharedMemorySize, 90000);
  });
  expect_allowed_relaxed("cudaStreamCreateWithFlags and cudaStreamDestroy", [](cudaStream_t) {
    cudaStream_t s = nullptr;
    const cudaError_t e = cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
    return e != cudaSuccess ? e : cudaStreamDestroy(s);
  });
  expect_allowed_relaxed("cudaEventCreateWithFlags, Record and Destroy", [](cudaStream_t s) {
    cudaEvent_t event = nullptr;
    cudaError_t e = cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    if (e == cudaSuccess) e = cudaEventRecord(event, s);
    return e != cudaSuccess ? e : cudaEventDestroy(event);
  });
  expect_allowed_relaxed("cudaMalloc and cudaFree", [](cudaStream_t) {
    void* q = nullptr;
    const cudaError_t e = cudaMalloc(&q, 64);
    return e != cudaSuccess ? e : cudaFree(q);
  });
  expect_allowed_relaxed("cudaMallocAsync in another stream", [](cudaStream_t) {
    static const cudaStream_t other = new_stream(cudaStreamNonBlocking);
    void* q = nullptr;
    const cudaError_t e = cudaMallocAsync(&q, 64, other);
    return e != cudaSuccess ? e : cudaFreeAsync(q, other);
  });
  static cudaMemPool_t pool{};
  need(cudaDeviceGetDefaultMemPool(&pool, 0), "cudaDeviceGetDefaultMemPool");
  expect_allowed_relaxed("cudaMemPoolGetAttribute", [](cudaStream_t) {
    unsigned long long value = 0;
    return cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &value);
  });
  expect_allowed_relaxed("cudaFuncGetParamInfo", [](cudaStream_t) {
    std::size_t offset = 0, size = 0;
    return cudaFuncGetParamInfo(reinterpret_cast<const void*>(plain), 0, &offset, &size);
  });
  expect_allowed_relaxed("cudaOccupancyMaxActiveBlocksPerMultiprocessor", [](cudaStream_t) {
    int blocks = 0;
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, plain, 256, 0);
  });
}

void refused_calls() {
  // After a refused copy or fill fuse copies by a kernel, or keeps the address as it is; the capture must be known to
  // have ended.
  find("cudaMemcpyAsync between placeholders",
       [](cudaStream_t s) { return cudaMemcpyAsync(placeholder(1), placeholder(2), 64, cudaMemcpyDeviceToDevice, s); });
  find("cudaMemsetAsync of a placeholder", [](cudaStream_t s) { return cudaMemsetAsync(placeholder(1), 0, 64, s); });
  find("cudaStreamSynchronize of another stream", [](cudaStream_t) {
    static const cudaStream_t other = new_stream();
    return cudaStreamSynchronize(other);
  });
  const outcome o = in_capture([](cudaStream_t s) { return cudaStreamSynchronize(s); });
  expect("cudaStreamSynchronize of the captured stream", text(o),
         "cudaErrorStreamCaptureUnsupported, the capture is invalidated, its end cudaErrorStreamCaptureInvalidated");
}

void legacy_stream() {
  static int* const p = memory<int>(64);
  const auto launch_plain = [] {
    plain<<<1, 32>>>(p);
    return cudaGetLastError();
  };
  const auto from_another_thread = [=] {
    cudaError_t e = cudaSuccess;
    std::thread([&] { e = launch_plain(); }).join();
    return e;
  };
  find("a launch into the legacy stream by this thread", [=](cudaStream_t) { return launch_plain(); });
  find("a launch into the legacy stream by another thread", [=](cudaStream_t) { return from_another_thread(); });
  const cudaStream_t s = new_stream(cudaStreamNonBlocking);
  begin_capture(s);
  need(launch(s, true, 1, 64, add_one, p, p, 64, 0), "launch");
  found("the same while a non-blocking stream is captured", from_another_thread());
  expect("its capture", capture_status(s), "goes on");
}

}  // namespace probe

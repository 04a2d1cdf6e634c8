// SPDX-License-Identifier: Apache-2.0
// What the probe's questions share. A question prints a line for each thing that it finds, and ends the process with
// status 2 where it cannot be asked, with 1 where something is not as expected: what fuse relies on.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace probe {

// ---- answers ----

/// Things that were not as expected.
inline int surprises = 0;

inline void expect(const std::string& what, const std::string& found, const std::string& expected) {
  const bool same = found == expected;
  surprises += !same;
  std::printf(same ? "as expected  %s: %s\n" : "OTHERWISE    %s: %s; expected %s\n", what.c_str(), found.c_str(),
              expected.c_str());
  std::fflush(stdout);
}
inline void expect(const std::string& what, long found, long expected) {
  expect(what, std::to_string(found), std::to_string(expected));
}
inline void expect(const std::string& what, cudaError_t found, cudaError_t expected = cudaSuccess) {
  if (found != cudaSuccess) cudaGetLastError();
  expect(what, cudaGetErrorName(found), cudaGetErrorName(expected));
}
/// What nothing relies on, and what nobody knows yet.
inline void found(const std::string& what, const std::string& value) {
  std::printf("found        %s: %s\n", what.c_str(), value.c_str());
  std::fflush(stdout);
}
inline void found(const std::string& what, cudaError_t e) {
  if (e != cudaSuccess) cudaGetLastError();
  found(what, cudaGetErrorName(e));
}
inline void measured(const std::string& what, double value, const char* unit) {
  std::printf("measured     %s: %.4g %s\n", what.c_str(), value, unit);
  std::fflush(stdout);
}

/// For calls without which the question cannot be asked.
inline void need(cudaError_t e, const char* call) {
  if (e == cudaSuccess) return;
  std::printf("not asked    %s failed: %s: %s\n", call, cudaGetErrorName(e), cudaGetErrorString(e));
  std::fflush(stdout);
  std::_Exit(2);
}

// ---- work ----

/// FUSE_BENCH_DIVIDE=N divides counts: to try a question, not to measure.
inline int divided(int n) {
  const char* text = std::getenv("FUSE_BENCH_DIVIDE");
  const int by = text ? std::atoi(text) : 1;
  return std::max(1, by > 1 ? n / by : n);
}

/// What f returns, with captures of this thread relaxed meanwhile: so fuse makes calls whose place in a capture no
/// document tells.
template <class F>
cudaError_t relaxed(F f) {
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  need(cudaThreadExchangeStreamCaptureMode(&mode), "cudaThreadExchangeStreamCaptureMode");
  const cudaError_t e = f();
  need(cudaThreadExchangeStreamCaptureMode(&mode), "cudaThreadExchangeStreamCaptureMode");
  return e;
}
inline cudaStream_t new_stream(unsigned flags = cudaStreamDefault) {
  cudaStream_t s = nullptr;
  need(relaxed([&] { return cudaStreamCreateWithFlags(&s, flags); }), "cudaStreamCreateWithFlags");
  return s;
}
/// Zeroed device memory. The process ends soon: nothing is given back.
template <class T>
T* memory(std::size_t count) {
  T* p = nullptr;
  need(cudaMalloc(&p, count * sizeof(T)), "cudaMalloc");
  need(cudaMemset(p, 0, count * sizeof(T)), "cudaMemset");
  return p;
}
inline int read(const int* p) {
  int value = 0;
  need(cudaMemcpy(&value, p, sizeof value, cudaMemcpyDeviceToHost), "cudaMemcpy");
  return value;
}
/// An address that no memory has: fuse captures calls at such addresses, and binds them to arguments later.
inline int* placeholder(int number) {
  return reinterpret_cast<int*>(0x7ff4'0080'0000'0000ull + (static_cast<unsigned long long>(number) << 40));
}

/// A launch as fuse makes them. Early: it may begin before the work in front of it has ended.
template <class... P, class... A>
cudaError_t launch(cudaStream_t s, bool early, unsigned blocks, unsigned threads, void (*kernel)(P...),
                   A... arguments) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(blocks);
  how.blockDim = dim3(threads);
  how.stream = s;
  how.attrs = &attribute;
  how.numAttrs = early ? 1 : 0;
  return cudaLaunchKernelEx(&how, kernel, P(arguments)...);
}

#if defined(__CUDACC__)
/// What every kernel that may be launched early begins with.
__device__ inline void wait_for_work_before() {
  cudaTriggerProgrammaticLaunchCompletion();
  cudaGridDependencySynchronize();
}
/// to[i] = from[i] + 1, after `naps` pauses.
static __global__ void add_one(const int* from, int* to, int n, int naps) {
  wait_for_work_before();
  for (int i = 0; i < naps; ++i) __nanosleep(100);
  for (int i = int(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += int(gridDim.x * blockDim.x)) to[i] = from[i] + 1;
}
#endif

// ---- captures and graphs ----

inline void begin_capture(cudaStream_t s) {
  need(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
}
inline cudaGraph_t end_capture(cudaStream_t s) {
  cudaGraph_t g = nullptr;
  need(cudaStreamEndCapture(s, &g), "cudaStreamEndCapture");
  return g;
}
inline std::string capture_status(cudaStream_t s) {
  cudaStreamCaptureStatus status{};
  const cudaError_t e = cudaStreamIsCapturing(s, &status);
  if (e != cudaSuccess) return cudaGetErrorName(e);
  return status == cudaStreamCaptureStatusActive        ? "goes on"
         : status == cudaStreamCaptureStatusInvalidated ? "is invalidated"
                                                        : "is none";
}
inline std::vector<cudaGraphNode_t> nodes_of(cudaGraph_t g) {
  std::size_t count = 0;
  need(cudaGraphGetNodes(g, nullptr, &count), "cudaGraphGetNodes");
  std::vector<cudaGraphNode_t> nodes(count);
  if (count > 0) need(cudaGraphGetNodes(g, nodes.data(), &count), "cudaGraphGetNodes");
  return nodes;
}
struct edge_counts {
  long early = 0, full = 0;
};
inline edge_counts edges_of(cudaGraph_t g) {
  std::size_t count = 4 * nodes_of(g).size() + 4;
  std::vector<cudaGraphNode_t> from(count), to(count);
  std::vector<cudaGraphEdgeData> data(count);
  need(cudaGraphGetEdges(g, from.data(), to.data(), data.data(), &count), "cudaGraphGetEdges");
  edge_counts c;
  for (std::size_t i = 0; i < count; ++i) ++(data[i].type == cudaGraphDependencyTypeProgrammatic ? c.early : c.full);
  return c;
}
inline cudaGraphExec_t instantiated(cudaGraph_t g) {
  cudaGraphExec_t x = nullptr;
  need(cudaGraphInstantiate(&x, g, 0), "cudaGraphInstantiate");
  return x;
}
inline void run(cudaGraphExec_t x, cudaStream_t s) {
  need(cudaGraphLaunch(x, s), "cudaGraphLaunch");
  need(cudaStreamSynchronize(s), "cudaStreamSynchronize");
}

// ---- time ----

using wall_clock = std::chrono::steady_clock;
inline double microseconds(wall_clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

/// Microseconds that the host spends in one of `count` calls of f.
template <class F>
double host_microseconds(int count, F f) {
  const auto begin = wall_clock::now();
  for (int i = 0; i < count; ++i) f();
  return microseconds(wall_clock::now() - begin) / count;
}

/// The quickest of `rounds`, in microseconds: on the device, and until the host may go on.
struct launch_time {
  double device = 1e9, host = 1e9;
};
template <class F>
launch_time quickest(int rounds, cudaStream_t s, F issue) {
  cudaEvent_t begin{}, end{};
  need(cudaEventCreate(&begin), "cudaEventCreate");
  need(cudaEventCreate(&end), "cudaEventCreate");
  launch_time best;
  for (int i = 0; i < rounds; ++i) {
    float milliseconds = 0;
    need(cudaEventRecord(begin, s), "cudaEventRecord");
    const auto start = wall_clock::now();
    issue();
    best.host = std::min(best.host, microseconds(wall_clock::now() - start));
    need(cudaEventRecord(end, s), "cudaEventRecord");
    need(cudaEventSynchronize(end), "cudaEventSynchronize");
    need(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
    best.device = std::min(best.device, 1e3 * double(milliseconds));
  }
  return best;
}

}  // namespace probe

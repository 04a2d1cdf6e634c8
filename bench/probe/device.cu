// SPDX-License-Identifier: Apache-2.0
// The device: what it is, what calls cost the host, and how quickly its memory answers.
#include "probe.hpp"
#include "questions.hpp"

namespace probe {

namespace {

int attribute(cudaDeviceAttr which) {
  int value = 0;
  need(cudaDeviceGetAttribute(&value, which, 0), "cudaDeviceGetAttribute");
  return value;
}

__global__ void uses_shared(int* p) {
  extern __shared__ int row[];
  row[threadIdx.x] = int(threadIdx.x);
  __syncthreads();
  p[threadIdx.x] = row[threadIdx.x];
}
cudaError_t allow_shared(int bytes) {
  return cudaFuncSetAttribute(uses_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}

__global__ void __launch_bounds__(512) read_all(const int4* from, std::size_t n, int* to) {
  int4 all{};
  const std::size_t step = std::size_t(gridDim.x) * blockDim.x;
  for (std::size_t i = std::size_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) {
    const int4 x = __ldcs(from + i);
    all = int4{all.x ^ x.x, all.y ^ x.y, all.z ^ x.z, all.w ^ x.w};
  }
  if ((all.x ^ all.y ^ all.z ^ all.w) == 0x12345) *to = 1;  // so that nothing is left out
}

/// Each load needs the one before it.
__global__ void follow_links(const unsigned* links, int steps, long long* cycles) {
  unsigned at = 0;
  const long long begin = clock64();
  for (int i = 0; i < steps; ++i) at = __ldcg(links + at);
  cycles[0] = (clock64() - begin) / steps;
  cycles[1] = at;
}

}  // namespace

void device() {
  cudaDeviceProp p{};
  int driver = 0, runtime = 0;
  need(cudaGetDeviceProperties(&p, 0), "cudaGetDeviceProperties");
  need(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  need(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  found("device", p.name);
  expect("compute capability, of which the programs are", p.major * 10 + p.minor, 90);
  expect("the driver is as new as the runtime", driver / 1000 >= runtime / 1000, 1);
  measured("the driver's CUDA", driver / 1000 + driver % 1000 / 1000., "");
  measured("multiprocessors", p.multiProcessorCount, "");
  measured("L2 cache", p.l2CacheSize / 1048576., "MiB");
  measured("shared memory of a block", double(p.sharedMemPerBlockOptin), "bytes");
  measured("device memory", double(p.totalGlobalMem) / 1073741824., "GiB");
}

void call_costs() {
  const int count = divided(10000);
  int value = 0;
  int* const p = memory<int>(64);
  const cudaStream_t s = new_stream();
  cudaPointerAttributes about{};
  cudaFuncAttributes function{};
  measured(
      "cudaDeviceGetAttribute",
      host_microseconds(
          count,
          [&] { need(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0), "cudaDeviceGetAttribute"); }),
      "us");
  measured("cudaPointerGetAttributes", host_microseconds(count, [&] { cudaPointerGetAttributes(&about, p); }), "us");
  measured("cudaPointerGetAttributes of no memory",
           host_microseconds(count, [&] { cudaPointerGetAttributes(&about, placeholder(1)); }), "us");
  cudaGetLastError();
  measured("cudaFuncSetAttribute", host_microseconds(count, [&] { allow_shared(100000); }), "us");
  measured("cudaFuncGetAttributes", host_microseconds(count, [&] { cudaFuncGetAttributes(&function, uses_shared); }),
           "us");
  for (const bool early : {false, true}) {
    need(launch(s, early, 1, 64, add_one, p, p, 64, 0), "launch");
    need(cudaStreamSynchronize(s), "cudaStreamSynchronize");
    const double us = host_microseconds(divided(500), [&] { launch(s, early, 1, 64, add_one, p, p, 64, 0); });
    measured(early ? "an early launch" : "a launch", us, "us");
    need(cudaStreamSynchronize(s), "cudaStreamSynchronize");
  }
}

void memory_pool() {
  cudaMemPool_t pool{};
  unsigned long long threshold = 1;
  need(cudaDeviceGetDefaultMemPool(&pool, 0), "cudaDeviceGetDefaultMemPool");
  need(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), "cudaMemPoolGetAttribute");
  expect("release threshold of a new process", long(threshold), 0);
  const cudaStream_t s = new_stream();
  const auto time = [&] {
    return host_microseconds(divided(100), [&] {
      void* p = nullptr;
      need(cudaMallocAsync(&p, std::size_t(64) << 20, s), "cudaMallocAsync");
      need(cudaFreeAsync(p, s), "cudaFreeAsync");
      need(cudaStreamSynchronize(s), "cudaStreamSynchronize");
    });
  };
  const double returned = time();
  threshold = ~0ull;
  need(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), "cudaMemPoolSetAttribute");
  time();
  const double kept = time();
  measured("64 MiB taken, given back and waited for, threshold 0", returned, "us");
  measured("the same, memory kept", kept, "us");
}

void shared_memory() {
  int* const p = memory<int>(64);
  const cudaStream_t s = new_stream();
  const int most = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  need(allow_shared(most), "cudaFuncSetAttribute");
  begin_capture(s);
  uses_shared<<<1, 64, std::size_t(most), s>>>(p);
  need(cudaGetLastError(), "launch");
  const cudaGraph_t g = end_capture(s);
  const cudaGraphExec_t x = instantiated(g);
  // A later launch that needs less must leave the limit as it is.
  need(allow_shared(most / 2), "cudaFuncSetAttribute");
  uses_shared<<<1, 64, std::size_t(most), s>>>(p);
  found("a launch above a limit that was lowered", cudaGetLastError());
  found("replaying a graph made before that", cudaGraphLaunch(x, s));
  found("waiting for it", cudaStreamSynchronize(s));
  cudaKernelNodeParams about{};
  const cudaGraphNode_t node = nodes_of(g).at(0);
  need(cudaGraphKernelNodeGetParams(node, &about), "cudaGraphKernelNodeGetParams");
  found("binding its node anew", cudaGraphExecKernelNodeSetParams(x, node, &about));
  cudaGraphExec_t second = nullptr;
  found("instantiating it again", cudaGraphInstantiate(&second, g, 0));
  need(allow_shared(most), "cudaFuncSetAttribute");
  expect("a replay with the limit at its most", cudaGraphLaunch(x, s));
  expect("waiting for it", cudaStreamSynchronize(s));
}

void bandwidth() {
  const std::size_t bytes = std::size_t(divided(2048)) << 20;
  const cudaStream_t s = new_stream();
  char *const from = memory<char>(bytes), *const to = memory<char>(bytes);
  int* const flag = memory<int>(1);
  const auto copy = [&] { need(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, s), "cudaMemcpyAsync"); };
  measured("a copy, bytes read and written", 2e-6 * double(bytes) / quickest(8, s, copy).device, "TB/s");
  const int processors = attribute(cudaDevAttrMultiProcessorCount);
  for (const int blocks : {1, 2, 4}) {
    const auto reads = [&] {
      read_all<<<unsigned(processors * blocks), 512, 0, s>>>(reinterpret_cast<const int4*>(from), bytes / 16, flag);
    };
    measured("reading by " + std::to_string(blocks) + " blocks of 512 a multiprocessor",
             1e-6 * double(bytes) / quickest(8, s, reads).device, "TB/s");
    need(cudaGetLastError(), "read_all");
  }
}

void latency() {
  const cudaStream_t s = new_stream();
  long long* const cycles = memory<long long>(2);
  for (const std::size_t mib : {std::size_t(1), std::size_t(16), std::size_t(512)}) {
    const std::size_t n = mib << 18, stride = 4099 * 32 + 32;
    std::vector<unsigned> links(n);
    std::size_t at = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(n / 32, 200000); ++i) {
      const std::size_t next = (at + stride) % n;
      links[at] = unsigned(next);
      at = next;
    }
    links[at] = 0;
    unsigned* const there = memory<unsigned>(n);
    need(cudaMemcpy(there, links.data(), n * sizeof(unsigned), cudaMemcpyHostToDevice), "cudaMemcpy");
    follow_links<<<1, 1, 0, s>>>(there, divided(20000), cycles);
    need(cudaStreamSynchronize(s), "cudaStreamSynchronize");
    long long result[2] = {};
    need(cudaMemcpy(result, cycles, sizeof result, cudaMemcpyDeviceToHost), "cudaMemcpy");
    measured("a load that needs the one before it, in " + std::to_string(mib) + " MiB", double(result[0]), "cycles");
  }
}

}  // namespace probe

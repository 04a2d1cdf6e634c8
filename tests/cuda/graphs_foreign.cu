// SPDX-License-Identifier: Apache-2.0
// Work of others inside captured calls: kernels of the user, copies, fills, library calls that bring their workspace.
// What takes plain pointers is rebound; what hides addresses from view has a graph for each set of addresses.
#include "../runtime/support/stage.hpp"

#include <cub/device/device_reduce.cuh>
#include <cub/device/device_scan.cuh>

using namespace stage;
using category = fx::error_category;

namespace {

constexpr auto add = fx::compile<"add">([](auto x, auto y) { return x + y; });

__global__ void triple(float* p, int n) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) p[i] *= 3;
}
struct span {
  const float* from;
  float* to;
  fx::index n;  // of 8 bytes: padding in a struct holds anything, so that two captures may differ in it
};
__global__ void negate(span s, float factor) {
  const fx::index i = fx::index(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < s.n) s.to[i] = -s.from[i] * factor;
}
/// An address in two halves: nothing that reads 8-byte words finds it.
__global__ void triple_in_halves(unsigned high, unsigned low, int n) {
  float* const p = reinterpret_cast<float*>((static_cast<unsigned long long>(high) << 32) | low);
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) p[i] *= 3;
}

struct log_lines {
  std::vector<std::string> lines;
  fx::graph_options options() {
    fx::graph_options o;
    o.log = [this](const fx::text& t) { lines.push_back(t.c_str()); };
    return o;
  }
};

}  // namespace

TEST_CASE("kernels of the user are rebound: pointers, and pointers in structs") {
  bench<> b;
  log_lines log;
  auto f = [](auto& e, const auto& x, const auto& y) {
    const auto h = add(e, x, y);
    const int n = int(h.size());
    triple<<<1, 64, 0, e.stream()>>>(h.data(), n);
    auto r = e.template empty<float, fx::extents<dyn>>({h.size()});
    negate<<<1, 64, 0, e.stream()>>>(span{h.data(), r.data(), h.size()}, 2.f);
    negate<<<1, 64, 0, e.stream()>>>(span{x.data(), h.data(), h.size()}, 1.f);
    return add(e, r, h);
  };
  fx::graphed step(b.e, f, log.options());
  for (int from : {0, 20, 7}) {
    const auto x = b.made<vector>({50}, from), y = b.made<vector>({50}, from + 3);
    CHECK(same(b.get(step(x, y)), b.get(f(b.e, x, y))));
  }
  CHECK(step.counts().captures == 1);
  CHECK(step.counts().pinned == 0);
  CHECK(step.counts().rebinds == 4);
  CHECK(log.lines.empty());
  REQUIRE(step.graphs().size() == 1);
  CHECK(step.graphs()[0].nodes[1].name.find("triple") != std::string::npos);
}

TEST_CASE("addresses in a form that cannot be rebound: one graph for each set, and the log says so") {
  bench<> b;
  log_lines log;
  auto f = [](auto& e, const auto& x, auto a) {
    auto h = add(e, x, a);
    const auto p = reinterpret_cast<unsigned long long>(h.data());
    triple_in_halves<<<1, 64, 0, e.stream()>>>(unsigned(p >> 32), unsigned(p), int(h.size()));
    return add(e, h, x);
  };
  fx::graphed step(b.e, f, log.options());
  const auto x = b.made<vector>({50}), y = b.made<vector>({50}, 9);
  auto agree = [&](const vector& in, float a) {
    const auto got = b.get(step(in, a)), host = b.get(in);
    for (int i = 0; i < 50; ++i) CHECK(got[i] == 3 * (host[i] + a) + host[i]);
  };
  agree(x, 1.f);
  agree(x, 1.f);
  CHECK(step.counts().captures == 1);
  agree(y, 1.f);
  agree(y, 2.f);  // scalars are part of what it was captured with
  agree(x, 1.f);
  const auto c = step.counts();
  CHECK(c.captures == 3);
  CHECK(c.pinned == 3);
  CHECK(c.rebinds == 0);
  CHECK(c.replays == 5);
  REQUIRE(log.lines.size() == 3);
  CHECK(log.lines[0].find("serves only the addresses it was captured with") != std::string::npos);
}

TEST_CASE("copies and fills between fused kernels") {
  bench<> b;
  auto f = [](auto& e, const auto& x) {
    auto h = e.template empty<float, fx::extents<dyn>>({x.size()});
    fx::cuda::check(
        cudaMemcpyAsync(h.data(), x.data(), std::size_t(x.size()) * 4, cudaMemcpyDeviceToDevice, e.stream()),
        "cudaMemcpyAsync");
    fx::cuda::check(cudaMemsetAsync(h.data(), 0, 4, e.stream()), "cudaMemsetAsync");
    return add(e, h, x);
  };
  fx::graphed step(b.e, f);
  // Much memory too: a graph for its own addresses begins with a guess of what it needs.
  for (fx::index n : {50, 1 << 19}) {
    const auto x = b.made<vector>({n}, 1), y = b.made<vector>({n}, 2);
    for (const vector* in : {&x, &y, &x}) {
      const auto got = b.get(step(*in)), host = b.get(*in);
      bool right = got[0] == host[0];
      for (fx::index i = 1; i < n; ++i) right = right && got[i] == 2 * host[i];
      CHECK(right);
    }
  }
  CHECK(step.counts().captures == 4);
  CHECK(step.counts().pinned == 4);
}

TEST_CASE("whatever the function does with the errors of its calls") {
  bench<> b;
  auto body = [](auto& e, const auto& x, auto&& check) {
    auto h = e.template empty<float, fx::extents<dyn>>({x.size()});
    check(cudaMemcpyAsync(h.data(), x.data(), std::size_t(x.size()) * 4, cudaMemcpyDeviceToDevice, e.stream()));
    return add(e, h, x);
  };
  const auto x = b.made<vector>({20}), y = b.made<vector>({20}, 1);
  auto all = [&](auto f) {
    fx::graphed step(b.e, f);
    for (const vector* in : {&x, &y, &x}) CHECK(same(b.get(step(*in)), b.get(add(b.e, *in, *in))));
    CHECK(step.counts().pinned == 2);
    CHECK(cudaPeekAtLastError() == cudaSuccess);
  };
  SUBCASE("nothing") {
    all([&](auto& e, const auto& in) { return body(e, in, [](cudaError_t) {}); });
  }
  SUBCASE("its own exception") {
    all([&](auto& e, const auto& in) {
      return body(e, in, [](cudaError_t error) {
        if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorName(error));
      });
    });
  }
}

TEST_CASE("library calls with a workspace: CUB's sum and scan") {
  bench<> b;
  auto f = [](auto& e, const auto& x, const auto& y) {
    const auto h = add(e, x, y);
    auto sum = e.template empty<float, fx::extents<1>>({1});
    auto scan = e.template empty<float, fx::extents<dyn>>({x.size()});
    const int n = int(x.size());
    std::size_t bytes = 0, more = 0;
    fx::cuda::check(cub::DeviceReduce::Sum(nullptr, bytes, h.data(), sum.data(), n, e.stream()), "DeviceReduce::Sum");
    fx::cuda::check(cub::DeviceScan::InclusiveSum(nullptr, more, h.data(), scan.data(), n, e.stream()),
                    "DeviceScan::InclusiveSum");
    const fx::buffer workspace = e.allocate(std::max(bytes, more));
    fx::cuda::check(cub::DeviceReduce::Sum(workspace.data(), bytes, h.data(), sum.data(), n, e.stream()),
                    "DeviceReduce::Sum");
    fx::cuda::check(cub::DeviceScan::InclusiveSum(workspace.data(), more, h.data(), scan.data(), n, e.stream()),
                    "DeviceScan::InclusiveSum");
    return add(e, scan, sum);
  };
  fx::graphed step(b.e, f);
  const auto x = b.made<vector>({700}), y = b.made<vector>({700}, 5), z = b.made<vector>({700}, 8);
  for (const vector* in : {&x, &z, &x}) {
    const auto got = b.get(step(*in, y)), a = b.get(*in), c = b.get(y);
    float sum = 0;
    for (int i = 0; i < 700; ++i) sum += a[i] + c[i];
    float running = 0;
    bool right = true;
    for (int i = 0; i < 700; ++i) right = right && got[i] == (running += a[i] + c[i]) + sum;
    CHECK(right);
  }
  CHECK(step.counts().replays == 3);
  CHECK(step.counts().pinned == 0);  // its kernels take plain pointers, too
  CHECK(step.counts().captures == 1);
}

TEST_CASE("a nested function with work that cannot be rebound runs itself in the outer graph") {
  bench<> b;
  fx::graphed inner(b.e, [](auto& e, const auto& x) {
    auto h = e.template empty<float, fx::extents<dyn>>({x.size()});
    fx::cuda::check(
        cudaMemcpyAsync(h.data(), x.data(), std::size_t(x.size()) * 4, cudaMemcpyDeviceToDevice, e.stream()),
        "cudaMemcpyAsync");
    return h;
  });
  fx::graphed hidden(b.e, [](auto& e, const auto& x) {
    auto h = add(e, x, x);
    const auto p = reinterpret_cast<unsigned long long>(h.data());
    triple_in_halves<<<1, 64, 0, e.stream()>>>(unsigned(p >> 32), unsigned(p), int(h.size()));
    return h;
  });
  const auto x = b.made<vector>({20}), y = b.made<vector>({20}, 1);
  SUBCASE("a copy") {
    fx::graphed outer(b.e, [&](auto& e, const auto& in) {
      const auto h = inner(in);
      return add(e, h.view(), in);
    });
    for (const vector* in : {&x, &y, &x}) CHECK(same(b.get(outer(*in)), b.get(add(b.e, *in, *in))));
    CHECK(outer.counts().pinned == 2);
  }
  SUBCASE("a hidden address") {
    fx::graphed outer(b.e, [&](auto& e, const auto& in) {
      const auto h = hidden(in);
      return add(e, h.view(), in);
    });
    for (const vector* in : {&x, &y, &x}) {
      const auto got = b.get(outer(*in)), host = b.get(*in);
      for (int i = 0; i < 20; ++i) CHECK(got[i] == 7 * host[i]);
    }
    CHECK(outer.counts().pinned == 2);
  }
}

TEST_CASE("the default stream cannot be captured") {
  fx::cuda_executor<> e{cudaStream_t{}};
  fx::graphed step(e, [](auto& ex, const auto& x) { return add(ex, x, x); });
  const auto x = e.upload(vector({3}, {1, 2, 3}));
  const auto said = refused([&] { step(x); });
  CHECK(said.category == category::capture);
  CHECK_SAYS(said, "the default stream never can");
  CHECK_SAYS(said, "cudaStreamCreate");
  CHECK(e.download(add(e, x, x))[2] == 6);
}

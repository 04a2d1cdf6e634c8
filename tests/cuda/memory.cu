// SPDX-License-Identifier: Apache-2.0
// Runtime calls that fail, one after the other, while a function runs: the call throws, what it took is given back, and
// where memory was refused no kernel has run and no output has changed.
#include <doctest/doctest.h>

#include <cstring>
#include <fuse/fuse.hpp>
#include <string>

#include "../sim/runtime/control.hpp"

namespace fx = fuse;
namespace control = sim::control;
namespace {

using matrix = fx::tensor<float, fx::extents<fx::dyn, fx::dyn>>;

/// Two kernels; the second keeps rows that no shared memory holds, and both intermediates and results are needed.
constexpr auto two_kernels = fx::compile<"two_kernels">([](auto x, auto y) {
  auto e = fx::exp(y - fx::max(y, fx::row));
  return fx::outputs(x + 1.f, e / fx::sum(e, fx::row));
});

struct setting {
  fx::cuda_executor<> e{cudaStream_t{}};
  matrix x{{3, 5}}, y{{2, 100000}};
  setting() {
    for (fx::index i = 0; i < x.size(); ++i) x[i] = float(i);
    for (fx::index i = 0; i < y.size(); ++i) y[i] = float(i % 7);
  }
  template <class Tensor>
  bool holds(const Tensor& device, float value) {
    const auto host = e.download(device);
    for (fx::index i = 0; i < host.size(); ++i)
      if (host[i] != value) return false;
    return true;
  }
};
matrix filled(fx::cuda_executor<>& e, const fx::index m, fx::index n, float value) {
  matrix host({m, n});
  for (fx::index i = 0; i < host.size(); ++i) host[i] = value;
  return e.upload(host);
}

}  // namespace

TEST_CASE("memory that is refused: nothing runs, outputs stay, the next call works") {
  int refused = 0;
  for (int nth = 1;; ++nth) {
    CAPTURE(nth);
    setting s;
    const auto x = s.e.upload(s.x), y = s.e.upload(s.y);
    const auto first = filled(s.e, 3, 5, -7), second = filled(s.e, 2, 100000, -7);
    const auto launches = s.e.launches();
    control::reset();
    control::quiet(true);
    control::fail("cudaMallocFromPoolAsync", nth, cudaErrorMemoryAllocation);
    bool threw = false;
    try {
      two_kernels(s.e, fx::out(first, second), x, y);
    } catch (const fx::error& e) {
      threw = true;
      CHECK(e.category() == fx::error_category::memory);
      CHECK(std::string(e.what()).find("cudaMallocFromPoolAsync") != std::string::npos);
    }
    control::clear_failures();
    control::quiet(false);
    if (!threw) {
      s.e.synchronize();
      CHECK(nth > 1);
      break;
    }
    ++refused;
    CHECK(s.e.launches() == launches);
    CHECK(control::launch_count() == 0);
    CHECK(s.holds(first, -7));
    CHECK(s.holds(second, -7));
    two_kernels(s.e, fx::out(first, second), x, y);
    CHECK(s.e.download(first)[14] == 15);
    CHECK(s.e.download(second)[0] > 0);
  }
  CHECK(refused >= 1);
}

TEST_CASE("any runtime call that fails: an error, nothing left behind") {
  const setting given;
  int threw = 0;
  const long calls = control::for_each_failure([&](long failing) {
    control::quiet(true);
    try {
      fx::cuda_executor<> e{cudaStream_t{}};
      const auto x = e.upload(given.x), y = e.upload(given.y);
      const auto [first, second] = two_kernels(e, x, y);
      e.synchronize();
    } catch (const fx::error& e) {
      ++threw;
      CHECK(failing > 0);
      CHECK(std::string(e.what()).rfind("fuse", 0) == 0);
    }
    cudaDeviceSynchronize();
    cudaGetLastError();
    control::quiet(false);
  });
  CHECK(calls > 8);
  CHECK(threw > 8);
}

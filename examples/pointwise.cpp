// SPDX-License-Identifier: Apache-2.0
/// The smallest example: sin(x) + cos(y) over two tensors, one kernel instead of three.

#include <cmath>
#include <cstdio>
#include <fuse/fuse.hpp>

namespace fx = fuse;

using vector = fx::tensor<float, fx::extents<fx::dyn>>;

constexpr auto wave = fx::compile<"wave">([](auto x, auto y) { return fx::sin(x) + fx::cos(y); });

using view = fx::view<float, fx::extents<fx::dyn>>;
static_assert(fx::kernel_count(wave, view(), view()) == 1);

int main() {
  const fx::index n = 1'000'000;
  vector x({n}), y({n});
  for (fx::index i = 0; i < n; ++i) {
    x[i] = 1e-5f * float(i);
    y[i] = 2e-5f * float(i);
  }

  fx::host_executor cpu;
  const vector z = wave(cpu, x, y);

  double worst = 0;
  for (fx::index i = 0; i < n; ++i)
    worst = std::fmax(worst, std::fabs(double(z[i]) - (std::sin(double(x[i])) + std::cos(double(y[i])))));
  std::printf("sin(x) + cos(y) for %lld elements: %lld kernel, at most %.1e from the exact value\n", n,
              static_cast<long long>(cpu.launches()), worst);
  return worst < 1e-6 ? 0 : 1;
}

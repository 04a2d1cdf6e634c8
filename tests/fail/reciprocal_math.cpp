// SPDX-License-Identifier: Apache-2.0
// expect: fuse: -ffast-math, -Ofast and their parts
// flags: -freciprocal-math
#include <fuse/fuse.hpp>
namespace fx = fuse;

constexpr auto f = fx::compile<"f">([](auto x) { return fx::isnan(x); });

void call() {
  fx::host_executor cpu;
  f(cpu, fx::tensor<float, fx::extents<4>>{});
}

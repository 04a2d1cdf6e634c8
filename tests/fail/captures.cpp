// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function has captures
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  constexpr auto f = fx::compile<"f">([](auto x, auto scale) { return x * scale; });
  f(cpu, tensor<4>{}, 2.f);
#else
  float scale = 2.f;
  auto f = fx::compile<"f">([scale](auto x) { return x * scale; });
  f(cpu, tensor<4>{});
#endif
}

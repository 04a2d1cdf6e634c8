// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expr: an expression has no value while its function is traced
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  auto y = x;
  for (int i = 0; i < 3; ++i) y = fx::where(y > 1.f, y * 0.5f, y);
  return y;
#else
  auto y = x;
  while (y > 1.f) y = y * 0.5f;
  return y;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

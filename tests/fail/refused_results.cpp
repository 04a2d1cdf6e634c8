// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expr: an expression is a value and does not change in place
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  auto y = x + 1.f;
  return fx::outputs(x, y);
#else
  auto y = x;
  y += 1.f;
  return fx::outputs(x, y);
#endif
});

void call() {
  fx::host_executor cpu;
  auto [a, b] = f(cpu, tensor<4>{});
  a[0] = b[1];
}

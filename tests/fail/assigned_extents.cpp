// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expr: an expression is assigned a value of another dtype or other extents
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  auto y = x;
  y = x / fx::sum(x, fx::row);
  return y;
#else
  auto y = x;
  y = fx::sum(x, fx::row);
  return y;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expr: an expression is a value and does not change in place
// shows: Operator = fuse::fixed_name<3>{"--"}
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  auto y = x - 1.f;
  return y;
#else
  auto y = x;
  y--;
  return y;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expr: an expression has no value while its function is traced
// shows: Expression = fuse::expr<fuse::dtype::boolean, fuse::extents<4>>
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::where(x > 0.f, x, -x);
#else
  if (x > 0.f) return x;
  return -x;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

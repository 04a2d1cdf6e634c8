// SPDX-License-Identifier: Apache-2.0
// expect: fuse::axis: a reduction is told its one axis by type
// shows: Reduction = fuse::ops::sum_t
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::sum(x, fx::row);
#else
  return fx::sum(x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

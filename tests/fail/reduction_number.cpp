// SPDX-License-Identifier: Apache-2.0
// expect: fuse::axis: a reduction is told its one axis by type
// shows: Reduction = fuse::ops::var_t
// shows: Given = int
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::var(x, fx::axis<-1>);
#else
  return fx::var(x, -1);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

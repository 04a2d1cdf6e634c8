// SPDX-License-Identifier: Apache-2.0
// expect: fuse::axis: a reduction is told its one axis by type
// shows: Reduction = fuse::ops::row_max_t
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::max(x, fx::axis<-1>);
#else
  return fx::max(x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

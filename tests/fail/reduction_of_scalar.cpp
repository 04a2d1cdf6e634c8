// SPDX-License-Identifier: Apache-2.0
// expect: fuse::row: a reduction needs at least one axis
// shows: Reduction = fuse::ops::sum_t
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return fx::sum(x, fx::axis<-1>); });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<1>{});
#else
  f(cpu, tensor<>{});
#endif
}

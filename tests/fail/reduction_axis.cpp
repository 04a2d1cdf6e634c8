// SPDX-License-Identifier: Apache-2.0
// expect: fuse::axis: reductions run along the last axis
// shows: Reduction = fuse::ops::sum_t
// shows: Axis = 0
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr auto along = fx::axis<1>;
#else
inline constexpr auto along = fx::axis<0>;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return fx::sum(x, along); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{});
}

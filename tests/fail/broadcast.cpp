// SPDX-License-Identifier: Apache-2.0
// expect: fuse::op: the operands' extents differ and do not broadcast
// shows: Operation = fuse::ops::add_t
// shows: Left = 4
// shows: Right = 2
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
using right = tensor<1, 5>;
#else
using right = tensor<2, 5>;
#endif
constexpr auto f = fx::compile<"f">([](auto a, auto b) { return a + b; });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{}, right{});
}

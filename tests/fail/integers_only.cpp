// SPDX-License-Identifier: Apache-2.0
// expect: fuse::op: the operation takes integers or bool
// shows: Operation = fuse::ops::bitwise_and_t
// shows: fuse::dtype::f32
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
using element = int;
#else
using element = float;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return x & 3; });

void call() {
  fx::host_executor cpu;
  f(cpu, fx::tensor<element, fx::extents<4>>{});
}

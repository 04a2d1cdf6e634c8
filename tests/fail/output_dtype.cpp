// SPDX-License-Identifier: Apache-2.0
// expect: fuse::out: the buffer has another dtype than the result
// shows: Function = fuse::fixed_name<2>{"f"}
// shows: Output = 0
// shows: Result = fuse::dtype::f32
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x + 1; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, fx::out(tensor<4>{}), tensor<4>{});
#else
  f(cpu, fx::out(fx::tensor<double, fx::extents<4>>{}), tensor<4>{});
#endif
}

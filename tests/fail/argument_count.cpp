// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function does not accept these arguments
// shows: Function = fuse::fixed_name<2>{"f"}
// shows: Arguments = 1
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto y) { return x + y; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4>{}, tensor<4>{});
#else
  f(cpu, tensor<4>{});
#endif
}

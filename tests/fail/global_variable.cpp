// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function cannot be evaluated while the program is compiled
// shows: Function = fuse::fixed_name<2>{"f"}
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
constexpr float scale = 2;
#else
float scale = 2;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return x * scale; });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

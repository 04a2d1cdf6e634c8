// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: an argument is neither a tensor, a view, a scalar, nor a struct of them
// shows: Function = fuse::fixed_name<2>{"f"}
// shows: Argument = 1
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto y) { return x + y; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4>{}, 3);
#else
  f(cpu, tensor<4>{}, "3");
#endif
}

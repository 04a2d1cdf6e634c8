// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: a function within another one is given something that is neither
// shows: Function = fuse::fixed_name<2>{"g"}
// shows: Argument = 1
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

tensor<4> w;
constexpr auto g = fx::compile<"g">([](auto x, auto by) { return x * by; });
constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return g(x, 2);
#else
  return g(x, w);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

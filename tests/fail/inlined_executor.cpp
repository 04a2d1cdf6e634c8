// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: within another compiled function a function is called without an executor
// shows: Function = fuse::fixed_name<2>{"g"}
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

fx::host_executor<> cpu_of_main;
constexpr auto g = fx::compile<"g">([](auto x, auto by) { return x * by; });
constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return g(x, x);
#else
  return g(cpu_of_main, x, x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

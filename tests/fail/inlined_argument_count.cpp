// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function does not accept these arguments
// shows: Function = fuse::fixed_name<2>{"g"}
// shows: Arguments = 1
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto g = fx::compile<"g">([](auto x, auto by) { return x * by; });
constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return g(x, x) + 1.f;
#else
  return g(x) + 1.f;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

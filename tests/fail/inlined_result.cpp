// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function returns nothing that can be computed
// shows: Function = fuse::fixed_name<2>{"g"}
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
constexpr auto g = fx::compile<"g">([](auto x) { return x * 1.f; });
#else
constexpr auto g = fx::compile<"g">([](auto) { return 1.f; });
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return g(x) + 1.f; });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

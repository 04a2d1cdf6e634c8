// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function returns nothing that can be computed
// shows: Function = fuse::fixed_name<2>{"f"}
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
constexpr auto f = fx::compile<"f">([](auto x) { return x + 1; });
#else
constexpr auto f = fx::compile<"f">([](auto x) { x + 1; });
#endif

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

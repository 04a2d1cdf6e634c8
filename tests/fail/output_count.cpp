// SPDX-License-Identifier: Apache-2.0
// expect: fuse::out: the function returns another number of results than buffers are given
// shows: Function = fuse::fixed_name<2>{"f"}
// shows: Buffers = 1
// shows: Results = 2
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return fx::outputs(x + 1, x + 2); });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, fx::out(tensor<4>{}, tensor<4>{}), tensor<4>{});
#else
  f(cpu, fx::out(tensor<4>{}), tensor<4>{});
#endif
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::out: the buffer has another rank than the result
// shows: Function = fuse::fixed_name<2>{"f"}
// shows: Buffer = 2
// shows: Result = 1
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
  f(cpu, fx::out(tensor<4, 1>{}), tensor<4>{});
#endif
}

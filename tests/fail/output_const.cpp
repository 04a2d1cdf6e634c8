// SPDX-License-Identifier: Apache-2.0
// expect: fuse::out: the buffer is const
// shows: Function = fuse::fixed_name<2>{"f"}
// shows: Output = 0
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
using out = fx::view<float, fx::extents<4>>;
#else
using out = fx::view<const float, fx::extents<4>>;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return x + 1; });

void call() {
  fx::host_executor cpu;
  f(cpu, fx::out(out{}), tensor<4>{});
}

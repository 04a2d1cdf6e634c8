// SPDX-License-Identifier: Apache-2.0
// expect: fuse::out: the buffer has another static extent than the result
// shows: Function = fuse::fixed_name<2>{"f"}
// shows: Buffer = 6
// shows: Result = 5
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x + 1.f; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, fx::out(tensor<4, 5>{}), tensor<4, 5>{});
#else
  f(cpu, fx::out(tensor<4, 6>{}), tensor<4, 5>{});
#endif
}

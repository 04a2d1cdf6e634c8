// SPDX-License-Identifier: Apache-2.0
// expect: fuse: an output buffer has another static extent than the result
// shows: 5 == 6
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

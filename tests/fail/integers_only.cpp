// SPDX-License-Identifier: Apache-2.0
// expect: fuse: this operation takes integers or bool
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
using element = int;
#else
using element = float;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return x & 3; });

void call() {
  fx::host_executor cpu;
  f(cpu, fx::tensor<element, fx::extents<4>>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse: out(...) names another number of buffers than the function returns
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

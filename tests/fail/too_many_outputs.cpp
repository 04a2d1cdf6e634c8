// SPDX-License-Identifier: Apache-2.0
// expect: fuse::outputs: a function has at most 24 results
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::outputs(x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x);
#else
  return fx::outputs(x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::slice: the step is at least 1
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::slice<0, 0, 4, 2>(x) + 0.f;
#else
  return fx::slice<0, 0, 4, -1>(x) + 0.f;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::extent: no such axis
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::iota(fx::extent<0>(x)) + x;
#else
  return fx::iota(fx::extent<1>(x)) + x;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

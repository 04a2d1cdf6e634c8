// SPDX-License-Identifier: Apache-2.0
// expect: fuse::concat: no such axis
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto y) {
#if defined(TWIN)
  return fx::concat<0>(x, y);
#else
  return fx::concat<1>(x, y);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{}, tensor<1>{});
}

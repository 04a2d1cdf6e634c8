// SPDX-License-Identifier: Apache-2.0
// expect: fuse::squeeze: the axis must have the static extent 1
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int which = 0;
#else
inline constexpr int which = 1;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return fx::squeeze<which>(x); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<1, 5>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::slice: the bounds leave the axis
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr fx::index end = 5;
#else
inline constexpr fx::index end = 6;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return fx::slice<1, 2, end>(x); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{});
}

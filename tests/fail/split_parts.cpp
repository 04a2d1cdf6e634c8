// SPDX-License-Identifier: Apache-2.0
// expect: fuse::split: the axis must be static and divisible by the number of parts
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int parts = 5;
#else
inline constexpr int parts = 2;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return fx::split<1, parts>(x)[1]; });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{});
}

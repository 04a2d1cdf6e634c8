// SPDX-License-Identifier: Apache-2.0
// expect: fuse::scatter: one index for each row of values
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto i, auto v) { return fx::scatter<0>(x, i, v); });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4, 5>{}, fx::tensor<int, fx::extents<2>>{}, tensor<2, 5>{});
#else
  f(cpu, tensor<4, 5>{}, fx::tensor<int, fx::extents<3>>{}, tensor<2, 5>{});
#endif
}

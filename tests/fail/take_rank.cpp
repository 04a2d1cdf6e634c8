// SPDX-License-Identifier: Apache-2.0
// expect: fuse::take: the result has more than 6 axes
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto i) { return fx::take(x, i); });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4, 5, 1, 1>{}, fx::tensor<int, fx::extents<2, 1, 1>>{});
#else
  f(cpu, tensor<4, 5, 1, 1>{}, fx::tensor<int, fx::extents<2, 1, 1, 1>>{});
#endif
}

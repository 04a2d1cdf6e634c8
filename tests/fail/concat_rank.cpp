// SPDX-License-Identifier: Apache-2.0
// expect: fuse::concat: the operands differ in rank
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto y) { return fx::concat<0>(x, y); });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4, 2>{}, tensor<1, 2>{});
#else
  f(cpu, tensor<4, 2>{}, tensor<2>{});
#endif
}

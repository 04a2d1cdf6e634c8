// SPDX-License-Identifier: Apache-2.0
// expect: fuse::take: the table needs an axis
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto i) { return fx::take(x, i); });

void call() {
  fx::host_executor cpu;
  const fx::tensor<int, fx::extents<2>> rows({2});
#if defined(TWIN)
  f(cpu, tensor<4>{}, rows);
#else
  f(cpu, 4.f, rows);
#endif
}

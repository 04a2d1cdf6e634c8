// SPDX-License-Identifier: Apache-2.0
// expect: fuse::scatter: no such axis
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto i, auto v) {
#if defined(TWIN)
  return fx::scatter<1>(x, i, v);
#else
  return fx::scatter<2>(x, i, v);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{}, fx::tensor<int, fx::extents<2>>{}, tensor<4, 2>{});
}

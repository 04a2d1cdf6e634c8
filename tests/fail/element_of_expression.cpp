// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expr: an expression has no single elements
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::slice<-1, 0, 1>(x);
#else
  return x[0];
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

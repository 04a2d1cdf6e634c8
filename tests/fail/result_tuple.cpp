// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function returns nothing that can be computed
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::outputs(x, x * 2.f);
#else
  return std::tuple(x, x * 2.f);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

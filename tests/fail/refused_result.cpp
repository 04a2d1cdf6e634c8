// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function does not accept these arguments
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto y) { return x * y; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  auto y = f(cpu, tensor<4>{}, 2.f);
  y[0] = y[1] + *y.data() + *y.view().data();
#else
  auto y = f(cpu, tensor<4>{});
  y[0] = y[1] + *y.data() + y.view()[2];
#endif
}

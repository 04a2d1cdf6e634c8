// SPDX-License-Identifier: Apache-2.0
// expect: fuse::transpose: needs two axes
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return fx::transpose(x) + 0.f; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4, 1>{});
#else
  f(cpu, tensor<4>{});
#endif
}

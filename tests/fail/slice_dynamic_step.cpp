// SPDX-License-Identifier: Apache-2.0
// expect: fuse::slice: a step needs a static extent
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return fx::slice<0, 0, 4, 2>(x) + 0.f; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<8>{});
#else
  f(cpu, tensor<fx::dyn>{});
#endif
}

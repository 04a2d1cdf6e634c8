// SPDX-License-Identifier: Apache-2.0
// expect: fuse::extents: a tensor has at most 6 axes
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x * 2.f; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, fx::view<float, fx::extents<1, 1, 1, 1, 1, 4>>());
#else
  f(cpu, fx::view<float, fx::extents<1, 1, 1, 1, 1, 1, 4>>());
#endif
}

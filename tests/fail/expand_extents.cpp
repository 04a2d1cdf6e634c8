// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expand: an axis that is not 1 cannot change its length
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return fx::expand(x, fx::size<3>, fx::size<4>) + 0.f; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<1, 4>{});
#else
  f(cpu, tensor<2, 4>{});
#endif
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::take: indices are integers
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
using element = int;
#else
using element = float;
#endif
constexpr auto f = fx::compile<"f">([](auto table, auto indices) { return fx::take(table, indices); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{}, fx::tensor<element, fx::extents<3>>{});
}

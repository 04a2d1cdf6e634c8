// SPDX-License-Identifier: Apache-2.0
// expect: fuse::matmul: batch extents differ and do not broadcast
// shows: 2 == 3
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto y) { return fx::matmul(x, y); });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<2, 4, 8>{}, tensor<2, 8, 3>{});
#else
  f(cpu, tensor<2, 4, 8>{}, tensor<3, 8, 3>{});
#endif
}

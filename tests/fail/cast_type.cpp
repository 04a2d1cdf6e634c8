// SPDX-License-Identifier: Apache-2.0
// expect: fuse::cast: the type is no dtype
// shows: Type = short
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::cast<int>(x);
#else
  return fx::cast<short>(x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::reshape, fuse::expand: a length is neither
// shows: Operation = fuse::fixed_name<8>{"reshape"}
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::reshape(x, fx::size<2>, fx::size<2>);
#else
  return fx::reshape(x, 2, 2);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::extents: the result has more than 6 axes
// shows: Axes = 7
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::reshape(x, fx::size<1>, fx::size<1>, fx::size<1>, fx::size<1>, fx::size<1>, fx::infer);
#else
  return fx::reshape(x, fx::size<1>, fx::size<1>, fx::size<1>, fx::size<1>, fx::size<1>, fx::size<1>, fx::infer);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::extents: the result has more than 6 axes
// shows: Operation = fuse::fixed_name<10>{"unsqueeze"}
// shows: Axes = 7
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::unsqueeze<0>(x);
#else
  return fx::unsqueeze<0>(fx::unsqueeze<0>(x));
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<1, 2, 1, 2, 3>{});
}

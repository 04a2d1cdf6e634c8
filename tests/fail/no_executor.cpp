// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the first argument of a call is an executor that is not const
// shows: Function = fuse::fixed_name<2>{"f"}
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x * x; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4>{});
#else
  f(tensor<4>{});
#endif
}

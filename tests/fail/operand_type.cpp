// SPDX-License-Identifier: Apache-2.0
// expect: fuse::op: an operand is neither an expression nor a number
// shows: Operation = fuse::ops::multiply_t
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

tensor<4> weights;
#if defined(TWIN)
constexpr auto f = fx::compile<"f">([](auto x, auto w) { return x * w; });
#else
constexpr auto f = fx::compile<"f">([](auto x, auto) { return x * weights; });
#endif

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{}, weights);
}

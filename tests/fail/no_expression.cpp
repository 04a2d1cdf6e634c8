// SPDX-License-Identifier: Apache-2.0
// expect: fuse::op: none of the operands is an expression
// shows: Operation = fuse::ops::exp_t
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4>{});
#else
  fx::exp(tensor<4>{});
#endif
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::matmul: inner extents differ
// shows: 8 == 7
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
using right = tensor<8, 3>;
#else
using right = tensor<7, 3>;
#endif
constexpr auto f = fx::compile<"f">([](auto a, auto b) { return fx::matmul(a, b); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 8>{}, right{});
}

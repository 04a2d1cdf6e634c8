// SPDX-License-Identifier: Apache-2.0
// expect: fuse::op: an operand is neither an expression nor a number
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return x / fx::extent<-1>(x).as_value();
#else
  return x / fx::extent<-1>(x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

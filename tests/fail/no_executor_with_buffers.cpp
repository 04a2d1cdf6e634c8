// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the first argument of a call is an executor that is not const
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x * x; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, fx::out(tensor<4>{}), tensor<4>{});
#else
  f(fx::out(tensor<4>{}), tensor<4>{});
#endif
}

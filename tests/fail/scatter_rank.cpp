// SPDX-License-Identifier: Apache-2.0
// expect: fuse::scatter: values have the rank of the target
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
using values = tensor<2, 5>;
#else
using values = tensor<5>;
#endif
constexpr auto f = fx::compile<"f">([](auto x, auto i, auto v) { return fx::scatter<0>(x, i, v); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{}, fx::tensor<int, fx::extents<2>>{}, values{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::permute: name every axis once
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int second = 0;
#else
inline constexpr int second = 1;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return fx::permute<1, second>(x); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{});
}

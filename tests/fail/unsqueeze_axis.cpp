// SPDX-License-Identifier: Apache-2.0
// expect: fuse::unsqueeze: no such axis
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::unsqueeze<1>(x) + 0.f;
#else
  return fx::unsqueeze<2>(x) + 0.f;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

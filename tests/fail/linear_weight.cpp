// SPDX-License-Identifier: Apache-2.0
// expect: fuse::linear: the weight is [out, in]
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
using weight = tensor<3, 5>;
#else
using weight = tensor<2, 3, 5>;
#endif
constexpr auto f = fx::compile<"f">([](auto x, auto w) { return fx::linear(x, w); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{}, weight{});
}

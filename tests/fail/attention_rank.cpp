// SPDX-License-Identifier: Apache-2.0
// expect: fuse::nn::attention: keys and values have as many axes as the queries
// also: nvcc
#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto y) { return fx::nn::attention(x, y, y); });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<2, 4, 8>{}, tensor<2, 6, 8>{});
#else
  f(cpu, tensor<2, 4, 8>{}, tensor<1, 1, 2, 6, 8>{});
#endif
}

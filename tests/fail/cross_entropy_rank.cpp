// SPDX-License-Identifier: Apache-2.0
// expect: fuse::nn::cross_entropy: expected logits (..., classes) and targets (...)
#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto y) { return fx::nn::cross_entropy(x, y); });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, tensor<4, 5>{}, fx::tensor<int, fx::extents<4>>{});
#else
  f(cpu, tensor<4, 5>{}, fx::tensor<int, fx::extents<4, 1>>{});
#endif
}

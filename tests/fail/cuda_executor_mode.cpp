// SPDX-License-Identifier: Apache-2.0
// expect: fuse::cuda_executor: choosing a mode needs cuda_executor<modes::any>
// compiler: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x + 1; });

void call() {
#if defined(TWIN)
  fx::cuda_executor<fx::modes::any> gpu(cudaStream_t{}, fx::mode::eager);
#else
  fx::cuda_executor<fx::modes::fused> gpu(cudaStream_t{}, fx::mode::eager);
#endif
  f(gpu, tensor<4>{});
}

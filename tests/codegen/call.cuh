// SPDX-License-Identifier: Apache-2.0
// Makes nvcc emit the kernels of one call.
#pragma once
#include <fuse/fuse.hpp>
namespace fx = fuse;

template <class F, class... A>
void instantiate(const F& f, const A&... a) {
  fx::cuda_executor gpu{cudaStream_t{}};
  f(gpu, a...);
}

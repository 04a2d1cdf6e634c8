// SPDX-License-Identifier: Apache-2.0
// The kernels that captured calls have beside those of compiled functions.
#pragma once
#include <fuse/exec/cuda_kernels.hpp>

namespace fuse::runtime {

inline constexpr const char* condition_name = "while: condition";
/// Says whether a loop's body runs (again): while *going is not 0, and `most` times at most. It counts in *count.
template <class Flag>
__global__ void set_condition(cudaGraphConditionalHandle handle, const Flag* going, index* count, index most,
                              bool first) {
  cuda::follow_predecessor();
  const index done = first ? 0 : *count + 1;
  *count = done;
  cudaGraphSetConditional(handle, *going && done < most);
}

/// Copies bytes, a Word at a time where both addresses allow. Addresses in a capture are no memory yet: a kernel can be
/// given them, a copy node cannot.
template <class Word>
__global__ void __launch_bounds__(256) copy_kernel(char* to, const char* from, index bytes) {
  cuda::follow_predecessor();
  constexpr index size = sizeof(Word);
  const index first = index(blockIdx.x) * blockDim.x + threadIdx.x, stride = index(gridDim.x) * blockDim.x;
  const bool whole = (reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from)) % size == 0;
  const index words = whole ? bytes / size : 0;
  for (index i = first; i < words; i += stride) reinterpret_cast<Word*>(to)[i] = reinterpret_cast<const Word*>(from)[i];
  for (index i = words * size + first; i < bytes; i += stride) to[i] = from[i];
}

}  // namespace fuse::runtime

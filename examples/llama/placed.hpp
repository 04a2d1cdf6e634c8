// SPDX-License-Identifier: Apache-2.0
/// Tensors on their way between the host and where an executor's kernels can read them.
#pragma once

#include <fuse/fuse.hpp>
#include <utility>

namespace llama {

/// Host memory as the executor's kernels can read it: uploaded where they run on a device.
template <class Executor, class T, class E>
fuse::tensor<T, E> placed(Executor& executor, fuse::tensor<T, E> host) {
  if constexpr (requires { executor.upload(host); })
    return executor.upload(host);
  else
    return host;
}

/// The same in the other direction, once everything that the executor was given before is done.
template <class Executor, class T, class E>
fuse::tensor<T, E> on_host(Executor& executor, fuse::tensor<T, E> result) {
  if constexpr (requires { executor.download(result); })
    return executor.download(result);
  else
    return result;
}

}  // namespace llama

// SPDX-License-Identifier: Apache-2.0
// Work on several CUDA streams: a fork starts after what its parent has issued, a join lets the parent wait for it.
// Both hold in streams and in captured graphs.
#pragma once
#include <fuse/runtime/cuda_capture.hpp>

namespace fuse {

namespace runtime {
/// What comes next in `later` waits for what `earlier` has now.
inline void order(cudaStream_t earlier, cudaStream_t later) {
  cudaEvent_t e = nullptr;
  cuda::check(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  const std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, decltype([](cudaEvent_t x) { cudaEventDestroy(x); })> owner(
      e);
  cuda::check(cudaEventRecord(e, earlier), "cudaEventRecord");
  cuda::check(cudaStreamWaitEvent(later, e, 0), "cudaStreamWaitEvent");
}
template <modes Built>
arena_layout* layout_of(const cuda_executor<Built>& executor) {
  auto* r = executor.recording();
  if (!r || !r->captures()) return nullptr;
  return &static_cast<typename captured<cuda_executor<Built>>::recording*>(r)->layout();
}
}  // namespace runtime

/// An executor on another stream, for work that runs beside the parent's. Until it is joined, memory that either gives
/// back is not used again.
template <modes Built>
cuda_executor<Built> fork(cuda_executor<Built>& parent, cudaStream_t stream) {
  runtime::order(parent.stream(), stream);
  cuda_executor<Built> branch(stream);
  branch.exchange_mode(parent.current_mode());
  branch.record(parent.recording());
  if (auto* layout = runtime::layout_of(parent)) layout->keep();
  return branch;
}
/// The parent waits for the branch, which must not be given work any more.
template <modes Built>
void join(cuda_executor<Built>& parent, cuda_executor<Built>& branch) {
  runtime::order(branch.stream(), parent.stream());
  if (auto* layout = runtime::layout_of(parent)) layout->reuse();
  branch.record(nullptr);
}

}  // namespace fuse

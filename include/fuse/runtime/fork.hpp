// SPDX-License-Identifier: Apache-2.0
// Work on several CUDA streams: a fork starts after what its parent has issued, a join lets the parent wait for it.
// Both hold in streams and in captured graphs. On the host a branch's work comes where it is issued.
#pragma once
#include <fuse/exec/host_executor.hpp>
#if defined(__CUDACC__)
#include <fuse/runtime/cuda_capture.hpp>
#endif

namespace fuse {

/// The parent under another name. `stream` is that of a GPU: whatever a program has in its place.
template <modes Built>
class host_branch : public host_executor<Built> {
 public:
  explicit host_branch(host_executor<Built>& parent) {
    this->exchange_mode(parent.current_mode());
    this->record(parent.recording());
  }
};
template <modes Built, class Stream>
host_branch<Built> fork(host_executor<Built>& parent, const Stream&) {
  return host_branch<Built>(parent);
}
template <modes Built>
void join(host_executor<Built>&, host_branch<Built>& branch) {
  branch.record(nullptr);
}

#if defined(__CUDACC__)
namespace runtime {
/// What comes next in `later` waits for what `earlier` has now.
inline void order(cudaStream_t earlier, cudaStream_t later) {
  const cuda::relaxed_capture to_make_an_event;
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

/// Memory of a branch outside of a capture. The parent reads it after the join: from then on it is given back in the
/// parent's stream.
class branch_memory final : public cuda_recorder {
 public:
  branch_memory(cudaStream_t branch, int device)
      : branch_(branch), device_(device), returns_(std::make_shared<cudaStream_t>(branch)) {}

  buffer allocate(std::size_t bytes) override {
    using lease = std::shared_ptr<cudaStream_t>;
    auto owner = std::make_unique<lease>(returns_);
    return {pool_.allocate(device_, bytes, branch_),
            [](void* q, void* context) noexcept {
              const std::unique_ptr<lease> stream(static_cast<lease*>(context));
              cudaFreeAsync(q, **stream);
            },
            owner.release()};
  }
  char* workspace(workspace_kind kind, std::size_t bytes) override {
    auto& [memory, have] = workspace_[static_cast<int>(kind)];
    if (bytes > have) {
      memory = buffer{};
      have = 0;
      memory = allocate(bytes);
      have = bytes;
    }
    return static_cast<char*>(memory.data());
  }
  bool captures() const override { return false; }
  void launched(const char*, cudaStream_t) override {}
  void joined(cudaStream_t parent) { *returns_ = parent; }

 private:
  cudaStream_t branch_;
  int device_;
  cuda::memory_pool pool_;
  std::shared_ptr<cudaStream_t> returns_;  // where memory is given back
  struct {
    buffer memory;
    std::size_t bytes = 0;
  } workspace_[2];
};
}  // namespace runtime

/// An executor on another stream that its parent will wait for.
template <modes Built>
class branch_executor : public cuda_executor<Built> {
 public:
  branch_executor(cuda_executor<Built>& parent, cudaStream_t stream)
      : cuda_executor<Built>(stream), memory_(std::make_unique<runtime::branch_memory>(stream, parent.device())) {
    this->exchange_mode(parent.current_mode());
    auto* r = parent.recording();
    this->record(r && r->captures() ? r : memory_.get());
  }
  void joined(cudaStream_t parent) {
    memory_->joined(parent);
    this->record(nullptr);
  }

 private:
  std::unique_ptr<runtime::branch_memory> memory_;
};

/// Work beside the parent's, after what the parent has issued. What the branch reads has to live until the join; inside
/// a graphed function the graph sees to that: memory that either gives back is not used again before.
template <modes Built>
branch_executor<Built> fork(cuda_executor<Built>& parent, cudaStream_t stream) {
  runtime::order(parent.stream(), stream);
  branch_executor<Built> branch(parent, stream);
  if (auto* layout = runtime::layout_of(parent)) layout->keep();
  return branch;
}
/// The parent waits for the branch, which must not be given work any more.
template <modes Built>
void join(cuda_executor<Built>& parent, branch_executor<Built>& branch) {
  runtime::order(branch.stream(), parent.stream());
  if (auto* layout = runtime::layout_of(parent)) layout->reuse();
  branch.joined(parent.stream());
}
#endif

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// What a capture on any executor has: memory given out as the call asks for it, calls that run between graphs, and the
// nodes for people to look at.
#pragma once
#include <array>
#include <fuse/runtime/arena.hpp>
#include <fuse/runtime/parameters.hpp>
#include <memory>
#include <string>

namespace fuse::runtime {

/// The captured form of a call on an Executor: captured<host_executor<M>>, captured<cuda_executor<M>>.
///   captured(executor, arena)  begins to capture; arena: the address that its memory has meanwhile
///   explain(problem)           the function threw this: throws something better where it knows it
///   finish()                   ends it; throws what went wrong
///   is_opaque()                has it work whose addresses cannot be read?
///   has_foreign()              has it kernels that the executor did not choose?
///   keep_addresses()           serves the addresses it was captured at, and no others
///   measure(origins)           says where the regions lay meanwhile
///   prepare(values)            makes it ready to launch with these addresses and scalars
///   bind(region, value)        another address or scalar; update() makes it so
///   launch()                   runs it
///   append_to(recording, …)    makes it part of another capture
///   is_refused()               does it ask the driver for what that has refused since?
template <class Executor>
class captured;

/// A function that is called anew on every replay.
struct deferred_call {
  void (*run)(void* executor, const void* arguments);
  const void* arguments;
  std::size_t bytes;
  std::shared_ptr<void> owner;  // of what the arguments point to
};

/// What is shown of a node.
struct node_info {
  std::string name;  // of the compiled function, or of the kernel
  const char* kind;  // "kernel", "copy", "call", …
  int piece;         // calls that cannot be captured lie between pieces
  int depth;         // 0, or how many child graphs and loops it lies in
};

/// Node `to` waits for node `from`; early: it is started before, and waits in the kernel.
struct edge_info {
  int from, to;
  bool early;
};

/// Memory during a capture. Tensors that outlive the capture give back what is no longer there to be given.
template <class Recorder>
class arena_recorder : public Recorder {
 public:
  explicit arena_recorder(std::uint64_t origin) : origin_(origin) {}

  buffer allocate(std::size_t bytes) final {
    const index at = layout_->allocate(static_cast<index>(bytes));
    struct lease {
      std::shared_ptr<arena_layout> layout;
      index at;
    };
    return {reinterpret_cast<void*>(origin_ + static_cast<std::uint64_t>(at)),
            [](void*, void* context) noexcept {
              const std::unique_ptr<lease> l(static_cast<lease*>(context));
              l->layout->release(l->at);
            },
            new lease{layout_, at}};
  }
  char* workspace(workspace_kind kind, std::size_t bytes) final {
    index& at = workspace_[static_cast<std::size_t>(kind)];
    if (at >= 0) layout_->release(at);
    at = layout_->allocate(static_cast<index>(bytes), false);
    return reinterpret_cast<char*>(origin_ + static_cast<std::uint64_t>(at));
  }
  bool captures() const final { return true; }
  arena_layout& layout() { return *layout_; }
  /// Tensors that are alive.
  int tensors() const { return static_cast<int>(layout_->tensors().size()); }
  virtual void defer(const deferred_call& call) = 0;
  /// What has been given out, and is given out from then on once it is taken back: tensors of since are gone.
  struct given_out {
    arena_layout layout;
    std::array<index, 2> workspace;
  };
  given_out given() const { return {*layout_, workspace_}; }
  void take_back(const given_out& before) { *layout_ = before.layout, workspace_ = before.workspace; }
  void enter_loop() { loops_.push_back(layout_->tensors()); }
  /// All rounds of a loop are one capture of its body: a tensor cannot pass from one round to the next.
  void leave_loop() {
    const bool same = loops_.back() == layout_->tensors();
    loops_.pop_back();
    if (!same)
      throw error(error_category::capture,
                  "fuse::while_loop: the body replaces a tensor of outside, or keeps one of its own, and every round "
                  "works on the same memory (let it write to a tensor made before the loop, with fuse::out)");
  }
  bool in_loop() const { return !loops_.empty(); }

 protected:
  ~arena_recorder() = default;

 private:
  std::uint64_t origin_;
  std::shared_ptr<arena_layout> layout_ = std::make_shared<arena_layout>();
  std::array<index, 2> workspace_{-1, -1};
  std::vector<std::vector<index>> loops_;  // that are open: the tensors that were alive before each
};

}  // namespace fuse::runtime

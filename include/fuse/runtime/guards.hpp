// SPDX-License-Identifier: Apache-2.0
// What is so for a while, and as before afterwards, however that ends.
#pragma once
#include <fuse/exec/mode.hpp>

namespace fuse::runtime {

/// Puts an executor into a mode for a while.
template <class Executor>
class mode_guard {
 public:
  mode_guard(Executor& executor, mode m) : executor_(executor), before_(executor.exchange_mode(m)) {}
  ~mode_guard() { executor_.exchange_mode(before_); }
  mode_guard(const mode_guard&) = delete;
  mode_guard& operator=(const mode_guard&) = delete;

 private:
  Executor& executor_;
  mode before_;
};

/// Holds a flag up for a while.
class flag_guard {
 public:
  explicit flag_guard(bool& flag) : flag_(flag) { flag_ = true; }
  ~flag_guard() { flag_ = false; }
  flag_guard(const flag_guard&) = delete;
  flag_guard& operator=(const flag_guard&) = delete;

 private:
  bool& flag_;
};

}  // namespace fuse::runtime

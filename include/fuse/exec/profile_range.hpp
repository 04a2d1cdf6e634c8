// SPDX-License-Identifier: Apache-2.0
// Compile with FUSE_NVTX defined, and profilers show a range for each call, under the name given to compile.
#pragma once
#if defined(FUSE_NVTX)
#include <nvtx3/nvToolsExt.h>
#endif

namespace fuse {

class profile_range {
 public:
#if defined(FUSE_NVTX)
  explicit profile_range(const char* name) { nvtxRangePushA(name); }
  ~profile_range() { nvtxRangePop(); }
#else
  explicit profile_range(const char*) {}
#endif
  profile_range(const profile_range&) = delete;
  profile_range& operator=(const profile_range&) = delete;
};

}  // namespace fuse

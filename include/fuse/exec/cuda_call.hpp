// SPDX-License-Identifier: Apache-2.0
// How the library calls the CUDA runtime: every call is checked, and what may be made during a capture is said.
#pragma once
#include <cuda_runtime_api.h>

#include <fuse/error.hpp>

namespace fuse::cuda {

/// Throws when a CUDA call failed; `what` names the call, and the function it was made for.
inline void check(cudaError_t e, const char* call, const char* function = nullptr) {
  if (e == cudaSuccess) return;
  throw error(e == cudaErrorMemoryAllocation ? error_category::memory : error_category::cuda,
              text("fuse: ") << call << (function ? text(" (for ") << function << ")" : text())
                             << " failed: " << cudaGetErrorName(e) << ": " << cudaGetErrorString(e));
}

/// While one lives, this thread may make calls that put nothing into a stream although it is capturing: the documents
/// do not say which of them a capture forbids, and those that it forbids end it. Needed around
/// cudaPointerGetAttributes, cudaFuncSetAttribute, cudaFuncGetParamInfo, cudaFuncGetName, everything of memory pools,
/// and the making and destroying of streams and events. Launches, stream-ordered memory, records and waits, and calls
/// on graphs that are not executable need none.
class relaxed_capture {
 public:
  relaxed_capture() noexcept { exchange(); }
  ~relaxed_capture() {
    if (mode_ != cudaStreamCaptureModeRelaxed) exchange();
  }
  relaxed_capture(const relaxed_capture&) = delete;
  relaxed_capture& operator=(const relaxed_capture&) = delete;

 private:
  /// Where it fails, the call that it is made for is refused, and says so.
  void exchange() noexcept {
    if (cudaThreadExchangeStreamCaptureMode(&mode_) != cudaSuccess) cudaGetLastError();
  }
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace fuse::cuda

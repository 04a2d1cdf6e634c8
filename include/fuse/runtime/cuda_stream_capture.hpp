// SPDX-License-Identifier: Apache-2.0
// Streams that are being captured: one apart from the main stream, where one stands, what its capture does not take.
#pragma once
#include <fuse/exec/cuda_call.hpp>

namespace fuse::runtime {

/// A stream for what is captured apart from the main stream.
class side_stream {
 public:
  side_stream() {
    const cuda::relaxed_capture to_make_a_stream;
    cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  }
  ~side_stream() {
    const cuda::relaxed_capture to_destroy_a_stream;
    cudaStreamDestroy(stream_);
  }
  side_stream(const side_stream&) = delete;
  side_stream& operator=(const side_stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// What a stream that is being captured would put before the next node.
struct capture_position {
  cudaGraph_t graph = nullptr;
  const cudaGraphNode_t* after = nullptr;
  const cudaGraphEdgeData* edges = nullptr;
  std::size_t count = 0;
};
/// Without a graph where the stream's capture is lost, or there is none.
inline capture_position position_of(cudaStream_t stream) {
  capture_position at;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cuda::check(cudaStreamGetCaptureInfo(stream, &status, nullptr, &at.graph, &at.after, &at.edges, &at.count),
              "cudaStreamGetCaptureInfo");
  return status == cudaStreamCaptureStatusActive ? at : capture_position{};
}
inline bool is_lost(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  return cudaStreamIsCapturing(stream, &status) == cudaSuccess && status == cudaStreamCaptureStatusInvalidated;
}

/// `why`: the last error of a call that the function made; `after` what it made it.
[[noreturn]] inline void refuse_capture(cudaError_t why, const text& after) {
  cudaGetLastError();
  const char* what =
      "made a call that no graph can hold (synchronising, cudaMalloc, cudaFree, work in the default "
      "stream, waiting for an event of outside)";
  const char* instead = "put it into fuse::uncaptured, or outside the graphed function";
  if (why == cudaErrorStreamCaptureUnsupported) {
    what = "synchronised, or called cudaMalloc, cudaFree or another function that no graph can hold";
  } else if (why == cudaErrorStreamCaptureImplicit) {
    what = "gave work to the default stream, which waits for all others";
    instead = "give it to the executor's stream()";
  } else if (why == cudaErrorStreamCaptureIsolation) {
    what = "waited for an event that was recorded outside of it";
    instead = "wait before the call, or in fuse::uncaptured";
  }
  throw error(error_category::capture, text("fuse::graphed: the function ")
                                           << what << " after " << after << ": " << instead);
}

}  // namespace fuse::runtime

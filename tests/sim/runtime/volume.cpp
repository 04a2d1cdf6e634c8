// SPDX-License-Identifier: Apache-2.0
// Entry points of three-dimensional copies and fills, of copies between devices (there is one), and of copies of
// symbols in graphs.
#include "context.hpp"
#include "copy.hpp"

using namespace sim::runtime;

namespace {

// A fill of depth × height rows: one operation for each slice, as the rows of a slice lie together.
cudaError_t fill_volume(lock_type& lock, stream_state& stream, cudaPitchedPtr memory, int value, cudaExtent extent,
                        bool synchronous) {
  for (std::size_t z = 0; z < extent.depth; ++z)
    start_fill(lock, stream,
               {.destination = static_cast<std::byte*>(memory.ptr) + z * memory.ysize * memory.pitch,
                .pitch = memory.pitch,
                .value = unsigned(value) & 0xff,
                .width = extent.width,
                .height = extent.height},
               synchronous);
  return cudaSuccess;
}

void check_devices(int first, int second) {
  require(first == 0 && second == 0, cudaErrorInvalidDevice, "the only device is 0");
}

}  // namespace

extern "C" {

cudaError_t cudaMemcpy3D(const cudaMemcpy3DParms* parameters) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    refuse_implicit_dependency();
    return start_copy(lock, the().streams.legacy(), volume_copy(*parameters), true);
  });
}

cudaError_t cudaMemcpy3DAsync(const cudaMemcpy3DParms* parameters, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    return start_copy(lock, the().streams.of(stream), volume_copy(*parameters), false);
  });
}

cudaError_t cudaMemset3D(cudaPitchedPtr memory, int value, cudaExtent extent) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    refuse_implicit_dependency();
    return fill_volume(lock, the().streams.legacy(), memory, value, extent, true);
  });
}

cudaError_t cudaMemset3DAsync(cudaPitchedPtr memory, int value, cudaExtent extent, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return fill_volume(lock, the().streams.of(stream), memory, value, extent, false);
  });
}

cudaError_t cudaMemcpyPeer(void* destination, int destination_device, const void* source, int source_device,
                           std::size_t bytes) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    check_devices(destination_device, source_device);
    refuse_implicit_dependency();
    return start_copy(lock, the().streams.legacy(), flat_copy(destination, source, bytes, cudaMemcpyDeviceToDevice),
                      true);
  });
}

cudaError_t cudaMemcpyPeerAsync(void* destination, int destination_device, const void* source, int source_device,
                                std::size_t bytes, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    check_devices(destination_device, source_device);
    return start_copy(lock, the().streams.of(stream), flat_copy(destination, source, bytes, cudaMemcpyDeviceToDevice),
                      false);
  });
}

}  // extern "C"

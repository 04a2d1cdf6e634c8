// SPDX-License-Identifier: Apache-2.0
// Entry points that copy and fill memory, and symbols.
#include <cstring>

#include "context.hpp"
#include "copy.hpp"

namespace sim::runtime {
namespace {

// Bytes from the first to the last that `rows` rows of `width` bytes touch.
std::size_t extent(std::size_t pitch, std::size_t width, std::size_t rows) {
  return rows == 0 || width == 0 ? 0 : pitch * (rows - 1) + width;
}

std::size_t span_of(std::size_t pitch, std::size_t slice_rows, const copy_work& copy) {
  if (copy.bytes() == 0) return 0;
  return pitch * slice_rows * (copy.depth - 1) + extent(pitch, copy.width, copy.height);
}

bool is_host(place where) { return where == place::pageable || where == place::pinned; }

}  // namespace

copy_places check_copy(const copy_work& copy) {
  require(copy.kind >= cudaMemcpyHostToHost && copy.kind <= cudaMemcpyDefault, cudaErrorInvalidMemcpyDirection,
          "the kind of copy is no cudaMemcpyKind");
  if (copy.height > 1 || copy.depth > 1)
    require(copy.destination_pitch >= copy.width && copy.source_pitch >= copy.width, cudaErrorInvalidPitchValue,
            "a pitch is less than the width of a row");
  const copy_places found{
      locate(copy.source, span_of(copy.source_pitch, copy.source_rows, copy), "the source"),
      locate(copy.destination, span_of(copy.destination_pitch, copy.destination_rows, copy), "the destination")};
  const bool from_device = copy.kind == cudaMemcpyDeviceToHost || copy.kind == cudaMemcpyDeviceToDevice;
  const bool to_device = copy.kind == cudaMemcpyHostToDevice || copy.kind == cudaMemcpyDeviceToDevice;
  if (copy.kind != cudaMemcpyDefault && copy.bytes() != 0) {
    if (from_device && found.source == place::pageable)
      throw refusal(cudaErrorInvalidValue, "the copy's kind says device, but the source is ordinary host memory");
    if (to_device && found.destination == place::pageable)
      throw refusal(cudaErrorInvalidValue, "the copy's kind says device, but the destination is ordinary host memory");
    if (!from_device && found.source == place::device)
      throw refusal(cudaErrorInvalidValue, "the copy's kind says host, but the source is device memory");
    if (!to_device && found.destination == place::device)
      throw refusal(cudaErrorInvalidValue, "the copy's kind says host, but the destination is device memory");
  }
  return found;
}

copy_work flat_copy(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind kind) {
  return {.destination = destination,
          .source = source,
          .destination_pitch = bytes,
          .source_pitch = bytes,
          .width = bytes,
          .kind = kind,
          .staged = nullptr};
}

copy_work volume_copy(const cudaMemcpy3DParms& p) {
  require(p.srcArray == nullptr && p.dstArray == nullptr, cudaErrorNotSupported, "arrays are not simulated");
  const auto start = [](const cudaPitchedPtr& memory, const cudaPos& position) {
    return static_cast<std::byte*>(memory.ptr) + (position.z * memory.ysize + position.y) * memory.pitch + position.x;
  };
  return {.destination = start(p.dstPtr, p.dstPos),
          .source = start(p.srcPtr, p.srcPos),
          .destination_pitch = p.dstPtr.pitch,
          .source_pitch = p.srcPtr.pitch,
          .width = p.extent.width,
          .height = p.extent.height,
          .depth = p.extent.depth,
          .destination_rows = p.dstPtr.ysize,
          .source_rows = p.srcPtr.ysize,
          .kind = p.kind,
          .staged = nullptr};
}

namespace {

// Rows of pageable host memory, as they are now.
std::shared_ptr<std::vector<std::byte>> stage(const copy_work& copy) {
  auto staged = std::make_shared<std::vector<std::byte>>(copy.bytes());
  std::size_t to = 0;
  for (std::size_t z = 0; z < copy.depth; ++z)
    for (std::size_t y = 0; y < copy.height; ++y, to += copy.width)
      std::memcpy(staged->data() + to,
                  static_cast<const std::byte*>(copy.source) + (z * copy.source_rows + y) * copy.source_pitch,
                  copy.width);
  return staged;
}

}  // namespace

cudaError_t start_copy(lock_type& lock, stream_state& stream, copy_work copy, bool synchronous) {
  const copy_places places = check_copy(copy);
  if (copy.bytes() == 0) return cudaSuccess;
  if (stream.capture) {
    issue(lock, stream, std::move(copy));
    return cudaSuccess;
  }
  if (places.source == place::pageable) copy.staged = stage(copy);
  const bool both_device = !is_host(places.source) && !is_host(places.destination);
  const bool waits = places.destination == place::pageable || (synchronous && !both_device);
  const ticket queued = issue(lock, stream, std::move(copy));
  if (waits) {
    wait_for(lock, queued);
  }
  return cudaSuccess;
}

cudaError_t start_fill(lock_type& lock, stream_state& stream, fill_work fill, bool synchronous) {
  if (fill.height > 1)
    require(fill.pitch >= fill.width, cudaErrorInvalidPitchValue, "the pitch is less than the width of a row");
  const place where = locate(fill.destination, extent(fill.pitch, fill.width, fill.height), "the destination");
  require(where != place::pageable || fill.width * fill.height == 0, cudaErrorInvalidValue,
          "the destination is ordinary host memory");
  if (fill.width * fill.height == 0) return cudaSuccess;
  const ticket queued = issue(lock, stream, fill);
  if (synchronous && where != place::device && queued) {
    wait_for(lock, queued);
  }
  return cudaSuccess;
}

namespace {

void* symbol_address(const void* symbol, std::size_t offset, std::size_t bytes) {
  std::size_t size = 0;
  const std::uint64_t address = the().programs.address_of_symbol(symbol, &size);
  if (offset > size || bytes > size - offset)
    throw refusal(cudaErrorInvalidValue, "bytes " + std::to_string(offset) + " to " + std::to_string(offset + bytes) +
                                             " of a variable of " + std::to_string(size) + " bytes");
  return pointer_to(address + offset);
}

}  // namespace
}  // namespace sim::runtime

using namespace sim::runtime;

extern "C" {

cudaError_t cudaMemcpy(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind kind) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    refuse_implicit_dependency();
    return start_copy(lock, the().streams.legacy(), flat_copy(destination, source, bytes, kind), true);
  });
}

cudaError_t cudaMemcpyAsync(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return start_copy(lock, the().streams.of(stream), flat_copy(destination, source, bytes, kind), false);
  });
}

cudaError_t cudaMemcpy2D(void* destination, std::size_t destination_pitch, const void* source, std::size_t source_pitch,
                         std::size_t width, std::size_t height, cudaMemcpyKind kind) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    refuse_implicit_dependency();
    return start_copy(lock, the().streams.legacy(),
                      {.destination = destination,
                       .source = source,
                       .destination_pitch = destination_pitch,
                       .source_pitch = source_pitch,
                       .width = width,
                       .height = height,
                       .kind = kind,
                       .staged = nullptr},
                      true);
  });
}

cudaError_t cudaMemcpy2DAsync(void* destination, std::size_t destination_pitch, const void* source,
                              std::size_t source_pitch, std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return start_copy(lock, the().streams.of(stream),
                      {.destination = destination,
                       .source = source,
                       .destination_pitch = destination_pitch,
                       .source_pitch = source_pitch,
                       .width = width,
                       .height = height,
                       .kind = kind,
                       .staged = nullptr},
                      false);
  });
}

cudaError_t cudaMemset(void* destination, int value, std::size_t bytes) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    refuse_implicit_dependency();
    return start_fill(lock, the().streams.legacy(),
                      {.destination = destination, .pitch = bytes, .value = unsigned(value) & 0xff, .width = bytes},
                      true);
  });
}

cudaError_t cudaMemsetAsync(void* destination, int value, std::size_t bytes, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return start_fill(lock, the().streams.of(stream),
                      {.destination = destination, .pitch = bytes, .value = unsigned(value) & 0xff, .width = bytes},
                      false);
  });
}

cudaError_t cudaMemset2D(void* destination, std::size_t pitch, int value, std::size_t width, std::size_t height) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    refuse_implicit_dependency();
    return start_fill(
        lock, the().streams.legacy(),
        {.destination = destination, .pitch = pitch, .value = unsigned(value) & 0xff, .width = width, .height = height},
        true);
  });
}

cudaError_t cudaMemset2DAsync(void* destination, std::size_t pitch, int value, std::size_t width, std::size_t height,
                              cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return start_fill(
        lock, the().streams.of(stream),
        {.destination = destination, .pitch = pitch, .value = unsigned(value) & 0xff, .width = width, .height = height},
        false);
  });
}

cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* source, std::size_t bytes, std::size_t offset,
                               cudaMemcpyKind kind) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    refuse_implicit_dependency();
    return start_copy(lock, the().streams.legacy(),
                      flat_copy(symbol_address(symbol, offset, bytes), source, bytes, kind), true);
  });
}

cudaError_t cudaMemcpyToSymbolAsync(const void* symbol, const void* source, std::size_t bytes, std::size_t offset,
                                    cudaMemcpyKind kind, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return start_copy(lock, the().streams.of(stream),
                      flat_copy(symbol_address(symbol, offset, bytes), source, bytes, kind), false);
  });
}

cudaError_t cudaMemcpyFromSymbol(void* destination, const void* symbol, std::size_t bytes, std::size_t offset,
                                 cudaMemcpyKind kind) {
  return entry(__func__, {.unsafe_in_capture = true}, [&](lock_type& lock) {
    refuse_implicit_dependency();
    return start_copy(lock, the().streams.legacy(),
                      flat_copy(destination, symbol_address(symbol, offset, bytes), bytes, kind), true);
  });
}

cudaError_t cudaMemcpyFromSymbolAsync(void* destination, const void* symbol, std::size_t bytes, std::size_t offset,
                                      cudaMemcpyKind kind, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) {
    return start_copy(lock, the().streams.of(stream),
                      flat_copy(destination, symbol_address(symbol, offset, bytes), bytes, kind), false);
  });
}

cudaError_t cudaGetSymbolAddress(void** pointer, const void* symbol) {
  return entry(__func__, {}, [&](lock_type&) {
    require(pointer != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *pointer = pointer_to(the().programs.address_of_symbol(symbol, nullptr));
    return cudaSuccess;
  });
}

cudaError_t cudaGetSymbolSize(std::size_t* bytes, const void* symbol) {
  return entry(__func__, {}, [&](lock_type&) {
    require(bytes != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    the().programs.address_of_symbol(symbol, bytes);
    return cudaSuccess;
  });
}

}  // extern "C"

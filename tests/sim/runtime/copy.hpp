// SPDX-License-Identifier: Apache-2.0
// The checks that every copy passes, from a stream or from a graph.
#pragma once

#include "blocks.hpp"
#include "stream.hpp"
#include "work.hpp"

namespace sim::runtime {

struct copy_places {
  place source, destination;
};

// Throws a refusal for ranges outside live memory, pitches below the width, and a kind that contradicts the pointers.
copy_places check_copy(const copy_work& copy);

// Issues a copy.
// Source: CUDA runtime API, "API synchronization behavior". An asynchronous copy from pageable memory has read it when
// it returns, one to pageable memory is done when it returns; between pinned and device memory nothing waits.
// A synchronous copy waits, except between device addresses.
cudaError_t start_copy(lock_type& lock, stream_state& stream, copy_work copy, bool synchronous);
cudaError_t start_fill(lock_type& lock, stream_state& stream, fill_work fill, bool synchronous);

// Throws a refusal for arrays, which are not simulated.
copy_work volume_copy(const cudaMemcpy3DParms& parameters);
copy_work flat_copy(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind kind);

}  // namespace sim::runtime

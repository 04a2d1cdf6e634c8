// SPDX-License-Identifier: Apache-2.0
// The checks that every copy passes, from a stream or from a graph.
#pragma once

#include "blocks.hpp"
#include "work.hpp"

namespace sim::runtime {

struct copy_places {
  place source, destination;
};

// Throws a refusal for ranges outside live memory, pitches below the width, and a kind that contradicts the pointers.
copy_places check_copy(const copy_work& copy);

copy_work flat_copy(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind kind);

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// Calls of a work in either mode, in batches, and copies between them. Defined in measure.hpp.
#pragma once
#include <benchmark/benchmark.h>

#include <fuse/exec/mode.hpp>

namespace bench {

template <class W, class T>
void measure_on_device(benchmark::State& state, fuse::mode mode);

}  // namespace bench

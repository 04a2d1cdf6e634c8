// SPDX-License-Identifier: Apache-2.0
// Decode and prefill call one function, with one set of types.
#include "measure.hpp"

template void bench::measure_on_device<bench::llama_decode, fuse::bf16>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::llama_prefill, fuse::bf16>(benchmark::State&, fuse::mode);

// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

template void bench::measure_on_device<bench::pointwise_chain, float>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::pointwise_chain, fuse::bf16>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::silu_mul, float>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::silu_mul, fuse::bf16>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::bias_gelu, float>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::bias_gelu, fuse::bf16>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::rope, float>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::rope, fuse::bf16>(benchmark::State&, fuse::mode);

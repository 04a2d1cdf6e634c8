// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

template void bench::measure_on_device<bench::add_rms_norm, float>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::add_rms_norm, fuse::bf16>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::layer_norm, float>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::layer_norm, fuse::bf16>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::softmax, float>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::softmax, fuse::bf16>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::cross_entropy, float>(benchmark::State&, fuse::mode);
template void bench::measure_on_device<bench::cross_entropy, fuse::bf16>(benchmark::State&, fuse::mode);

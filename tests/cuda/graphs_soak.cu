// SPDX-License-Identifier: Apache-2.0
// Many steps on a device, and device memory that stays as it is. FUSE_SOAK_STEPS changes the number: a million takes
// the simulated device, which runs every thread of every kernel, some minutes.
#include "../runtime/support/soak.hpp"

namespace {
/// Bytes of device memory in use, of the whole device.
long device_bytes() {
  std::size_t free = 0, total = 0;
  fuse::cuda::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  fuse::cuda::check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return long(total - free);
}
}  // namespace

TEST_CASE("many steps with shapes that change") {
  using namespace stage;
  // Other programs share a device, and its driver takes memory in pieces of 2 MiB.
  soak::check(soak::run(soak::steps_or(40'000), device_bytes), 8 << 20);
}
TEST_CASE("many steps with shapes that change: memory of the host") {
  using namespace stage;
  soak::check(soak::run(soak::steps_or(40'000), soak::resident_bytes), 8 << 20);
}

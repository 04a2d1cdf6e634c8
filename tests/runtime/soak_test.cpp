// SPDX-License-Identifier: Apache-2.0
// A million steps on the host, and memory that stays as it is. FUSE_SOAK_STEPS changes the number.
#include "support/soak.hpp"

TEST_CASE("a million steps with shapes that change") {
  using namespace stage;
  // The allocator may take another page or two; a graph that leaked would be thousands of them.
  soak::check(soak::run(soak::steps_or(1'000'000), soak::resident_bytes), 256 * 1024);
}

// SPDX-License-Identifier: Apache-2.0
// A million steps on the host, and memory that stays as it is. FUSE_SOAK_STEPS changes the number.
#include "support/soak.hpp"

// Sanitizers keep freed memory and records of their own; they find leaks themselves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FUSE_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FUSE_SANITIZED
#endif
#endif

TEST_CASE("a million steps with shapes that change") {
  using namespace stage;
#if defined(FUSE_SANITIZED)
  soak::check(soak::run(soak::steps_or(20'000), [] { return 0L; }), 0);
#else
  // The allocator may take a page or two more; a graph that leaked would be thousands of them.
  soak::check(soak::run(soak::steps_or(1'000'000), soak::resident_bytes), 256 * 1024);
#endif
}

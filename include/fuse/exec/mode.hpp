// SPDX-License-Identifier: Apache-2.0
// Fused or eager: which plan of a function runs.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fuse/error.hpp>
#include <type_traits>

namespace fuse {

enum class mode : std::uint8_t {
  fused,
  eager,    // one kernel per operation, every intermediate stored: for comparison and debugging
  graphed,  // fused, and captured by fuse::graphed: an executor itself takes it for fused
};

/// Which plans a program is built with. Eager plans cost compile time, so an executor has them only if asked:
/// host_executor<modes::any>.
enum class modes : std::uint8_t { fused, any };

/// What runs compiled functions, and is told which of their plans.
template <class E>
concept executor = !std::is_const_v<E> && requires {
  requires std::is_same_v<const modes, decltype(E::built_with)>;
};

/// FUSE_ENFORCE_EAGER=1 forces eager plans on executors that have them; others refuse to run rather than ignore it.
template <modes Built>
mode mode_from_environment() {
  const char* set = std::getenv("FUSE_ENFORCE_EAGER");
  const bool eager = set && *set && std::strcmp(set, "0") != 0;
  if (eager && Built != modes::any)
    throw error(error_category::mode,
                "fuse: FUSE_ENFORCE_EAGER is set, but this program was built without eager plans (use an "
                "executor<fuse::modes::any>)");
  return eager ? mode::eager : mode::fused;
}

}  // namespace fuse

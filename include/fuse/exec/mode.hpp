// SPDX-License-Identifier: Apache-2.0
// Fused or eager: which plan of a function runs.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fuse/error.hpp>
#include <initializer_list>
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

namespace detail {
/// Whether an environment variable switches something on: it is set to anything but nothing, 0, false, no or off.
inline bool is_on(const char* value) {
  if (!value || !*value) return false;
  for (const char* off : {"0", "false", "no", "off"}) {
    std::size_t i = 0;
    while (off[i] && (value[i] | 0x20) == (off[i] | 0x20)) ++i;  // 0x20: in either case
    if (!off[i] && !value[i]) return false;
  }
  return true;
}
}  // namespace detail

/// What runs compiled functions, and is told which of their plans.
template <class E>
concept executor = !std::is_const_v<E> && requires {
  requires std::is_same_v<const modes, decltype(E::built_with)>;
};

/// FUSE_ENFORCE_EAGER=1 forces eager plans on executors that have them; others refuse to run rather than ignore it.
template <modes Built>
mode mode_from_environment() {
  const bool eager = detail::is_on(std::getenv("FUSE_ENFORCE_EAGER"));
  if (eager && Built != modes::any)
    throw error(error_category::mode,
                "fuse: FUSE_ENFORCE_EAGER is set, but this program was built without eager plans (use an "
                "executor<fuse::modes::any>)");
  return eager ? mode::eager : mode::fused;
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// while_loop: repeats work for as long as a flag in the executor's memory says so. In a captured call the device itself
// decides, so that any number of steps is one launch.
#pragma once
#include <fuse/runtime/captured.hpp>

namespace fuse {

/// body(executor) again while going[0] is true, at most `most` times. The body issues the work that sets the flag.
/// Inside a graphed function it is captured as the body of a conditional node, after a first run that shows whether it
/// can be; what it allocates is allocated once. Elsewhere the host reads the flag before every step, and waits for it.
template <class Executor, class T, class E, class Body>
requires std::is_same_v < std::remove_const_t<T>,
bool > void while_loop(Executor& executor, const view<T, E>& going, index most, Body&& body) {
  static_assert(E::rank == 0 || (E::rank == 1 && (E::static_extent(0) == 1 || E::static_extent(0) == dyn)),
                "fuse::while_loop: the flag is one bool");
  const auto* flag = reinterpret_cast<const std::uint8_t*>(going.data());  // any byte but 0 is true
  auto* r = executor.recording();
  if (r && r->captures()) {
    static_cast<typename runtime::captured<Executor>::recording*>(r)->into().loop(flag, most, [&] { body(executor); });
    return;
  }
  for (index i = 0; i < most && executor.fetch(flag) != 0; ++i) body(executor);
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::uncaptured: an argument is not trivially copyable
#include <fuse/fuse.hpp>
#include <fuse/runtime/graphed.hpp>
#include <fuse/runtime/uncaptured.hpp>
#include <string>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

void call() {
  fx::host_executor cpu;
  fx::graphed step(cpu, [](auto& e, const auto& x) {
#if defined(TWIN)
    fx::uncaptured(
        e, [](auto&, const auto&) {}, 3);
#else
    fx::uncaptured(e, [](auto&, const auto&) {}, std::string("three"));
#endif
    return fx::view<const float, fx::extents<4>>(x);
  });
  step(tensor<4>{});
}

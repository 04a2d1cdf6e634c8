// SPDX-License-Identifier: Apache-2.0
// expect: fuse::graphed: an argument is neither a tensor, a view, a scalar, a struct of them
#include <fuse/fuse.hpp>
#include <fuse/runtime/graphed.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x + 1; });

void call() {
  fx::host_executor cpu;
  fx::graphed step(cpu, [](auto& e, const auto& x, const auto&) { return f(e, x); });
#if defined(TWIN)
  step(tensor<4>{}, 3);
#else
  step(tensor<4>{}, "3");
#endif
}

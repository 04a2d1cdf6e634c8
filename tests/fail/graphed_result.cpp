// SPDX-License-Identifier: Apache-2.0
// expect: fuse::graphed: the function returns neither a tensor, a view
#include <fuse/fuse.hpp>
#include <fuse/runtime/graphed.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x, auto by) { return x * by; });

float call() {
  fx::host_executor cpu;
#if defined(TWIN)
  fx::graphed step(cpu, [](auto& e, const auto& x) { return f(e, x, 2.f); });
#else
  fx::graphed step(cpu, [](auto& e, const auto& x) { return f(e, x, 2.f)[0]; });
#endif
  return step(tensor<4>{}).view().data()[0];
}

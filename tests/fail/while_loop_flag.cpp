// SPDX-License-Identifier: Apache-2.0
// expect: fuse::while_loop: the flag is one bool
#include <fuse/fuse.hpp>
#include <fuse/runtime/graphed.hpp>
#include <fuse/runtime/loop.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x + 1; });

void call(fx::view<float, fx::extents<4>> x) {
  fx::host_executor cpu;
#if defined(TWIN)
  const fx::tensor<bool, fx::extents<1>> going({1});
#else
  const fx::tensor<bool, fx::extents<2>> going({2});
#endif
  fx::while_loop(cpu, going.view(), 8, [&](auto& e) { f(e, fx::out(x), x); });
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::host_executor: choosing a mode needs host_executor<modes::any>
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) { return x + 1; });

void call() {
#if defined(TWIN)
  fx::host_executor<fx::modes::any> cpu(fx::mode::eager);
#else
  fx::host_executor<fx::modes::fused> cpu(fx::mode::eager);
#endif
  f(cpu, tensor<4>{});
}

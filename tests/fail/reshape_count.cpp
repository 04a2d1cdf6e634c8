// SPDX-License-Identifier: Apache-2.0
// expect: fuse::reshape: the number of elements changes
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr fx::index rows = 10;
#else
inline constexpr fx::index rows = 11;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return fx::reshape(x, fx::size<rows>, fx::size<2>); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{});
}

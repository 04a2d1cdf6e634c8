// SPDX-License-Identifier: Apache-2.0
// expect: fuse::concat: the operands differ in an axis other than the joined one
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int along = 1;
#else
inline constexpr int along = 0;
#endif
constexpr auto f = fx::compile<"f">([](auto x, auto y) { return fx::concat<along>(x, y); });

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4, 5>{}, tensor<4, 6>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: nope
// also: nvcc
// errors: 2 (where the statement is dropped, the function returns nothing)
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return x + fx::negative(x);
#else
  return x + fx::nope(x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

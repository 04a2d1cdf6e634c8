// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expr: an expression is a value and does not change in place
// shows: Operator = fuse::fixed_name<3>{"++"}
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return x + 1.f;
#else
  ++x;
  return x;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

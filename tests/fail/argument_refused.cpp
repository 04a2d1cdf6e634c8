// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function does not accept these arguments
// shows: Function = fuse::fixed_name<2>{"f"}
// shows: Arguments = 1
// shows: fuse::dtype::f32
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

template <class A>
concept whole = fx::expression<A> && fx::is_integer(A::type);

constexpr auto f = fx::compile<"f">([](whole auto x) { return x + 1; });

void call() {
  fx::host_executor cpu;
#if defined(TWIN)
  f(cpu, fx::tensor<int, fx::extents<4>>{});
#else
  f(cpu, tensor<4>{});
#endif
}

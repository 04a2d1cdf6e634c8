// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function has more than 512 operations
// shows: Function = fuse::fixed_name<2>{"f"}
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int steps = 100;
#else
inline constexpr int steps = 300;
#endif
constexpr auto f = fx::compile<"f">([](auto x) {
  for (int i = 0; i < steps; ++i) x = x + i;
  return x + fx::unsqueeze<-1>(fx::sum(x, fx::axis<-1>));
});
constexpr int kernels = fx::kernel_count(f, fx::view<float, fx::extents<3, 4>>{});

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function has more than 192 different axis lengths
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int count = 20;
#else
inline constexpr int count = 193;
#endif
constexpr auto f = fx::compile<"f">([](auto x) {
  [&]<int... I>(std::integer_sequence<int, I...>) { (static_cast<void>(fx::slice<-1, 0, I + 5>(x)), ...); }
  (std::make_integer_sequence<int, count>{});
  return x + 1;
});
constexpr int kernels = fx::kernel_count(f, fx::view<float, fx::extents<3, 400>>{});

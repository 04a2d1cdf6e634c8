// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function has more than 256 different views
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int count = 20;
#else
inline constexpr int count = 257;
#endif
constexpr auto f = fx::compile<"f">([](auto x) {
  [&]<int... I>(std::integer_sequence<int, I...>) { (static_cast<void>(fx::slice<-1, I, I + 4>(x)), ...); }
  (std::make_integer_sequence<int, count>{});
  return x + 1;
});
constexpr int kernels = fx::kernel_count(f, fx::view<float, fx::extents<3, 400>>{});

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function has more than 64 arguments
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int count = 20;
#else
inline constexpr int count = 65;
#endif
constexpr auto f = fx::compile<"f">([](auto... x) { return (x + ...); });

template <int... I>
consteval int kernels(std::integer_sequence<int, I...>) {
  return fx::kernel_count(f, (static_cast<void>(I), fx::view<float, fx::extents<3>>{})...);
}
constexpr int counted = kernels(std::make_integer_sequence<int, count>{});

// SPDX-License-Identifier: Apache-2.0
// expect: fusion is a contract
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
inline constexpr int expected = 1;
#else
inline constexpr int expected = 2;
#endif
constexpr auto f = fx::compile<"f">([](auto x) { return fx::exp(x) / fx::sum(fx::exp(x), fx::row); });
static_assert(fx::kernel_count(f, fx::view<float, fx::extents<4, 5>>{}) == expected, "fusion is a contract");

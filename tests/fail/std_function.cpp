// SPDX-License-Identifier: Apache-2.0
// expect: fuse::expr: an expression has no value while its function is traced
// also: nvcc
// errors: 2 (nvcc cannot evaluate std::exp, and so does not learn that it was refused)
#include <cmath>
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::exp(x);
#else
  return std::exp(x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

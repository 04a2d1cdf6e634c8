// SPDX-License-Identifier: Apache-2.0
// expect: fuse::reshape: at most one length can be inferred
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::reshape(x, fx::infer, fx::size<2>) + 0.f;
#else
  return fx::reshape(x, fx::infer, fx::infer) + 0.f;
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<8>{});
}

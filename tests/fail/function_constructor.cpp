// SPDX-License-Identifier: Apache-2.0
// expect: fuse::compile: the function must be a captureless lambda or a default-constructible functor
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

struct twice {
#if !defined(TWIN)
  twice() = delete;
#endif
  constexpr twice(int) {}
#if defined(TWIN)
  twice() = default;
#endif
  template <class A>
  constexpr auto operator()(A x) const {
    return x + x;
  }
};
constexpr auto f = fx::compile<"f">(twice(1));

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::op: the operation takes another number of operands than are given
// shows: Given =
// shows: Expected =
// also: nvcc
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

struct twice {
  static constexpr const char* name = "twice";
  static constexpr int arity = 1;
  static constexpr double flops = 1;
  template <class V>
  FUSE_HD V operator()(V x) const {
    return x + x;
  }
};

constexpr auto f = fx::compile<"f">([](auto x) {
#if defined(TWIN)
  return fx::op<twice>{}(x);
#else
  return fx::op<twice>{}(x, x);
#endif
});

void call() {
  fx::host_executor cpu;
  f(cpu, tensor<4>{});
}

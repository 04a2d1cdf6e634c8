// SPDX-License-Identifier: Apache-2.0
// expect: fuse::padded: the leading axis has a static extent, which cannot be padded
#include <fuse/fuse.hpp>
#include <fuse/runtime/padding.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

void call() {
#if defined(TWIN)
  fx::padded(tensor<fx::dyn, 4>({2}));
#else
  fx::padded(tensor<2, 4>());
#endif
}

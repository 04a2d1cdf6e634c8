// SPDX-License-Identifier: Apache-2.0
// expect: fuse::padded: expected a row-major tensor of rank 1 or more
#include <fuse/fuse.hpp>
#include <fuse/runtime/padding.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

void call(const fx::tensor<float, fx::extents<fx::dyn>>& x) {
#if defined(TWIN)
  fx::padded(x.view());
#else
  fx::padded(fx::view<const float, fx::extents<fx::dyn>, fx::strided>(x.data(), {x.size() / 2}, {2}));
#endif
}

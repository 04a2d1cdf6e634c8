// SPDX-License-Identifier: Apache-2.0
// expect: fuse::extents: a tensor has at most 6 axes
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
fx::view<float, fx::extents<1, 2, 3, 4, 5, 6>> v;
#else
fx::view<float, fx::extents<1, 2, 3, 4, 5, 6, 7>> v;
#endif

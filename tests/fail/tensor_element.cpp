// SPDX-License-Identifier: Apache-2.0
// expect: fuse::view: the element type is one of
#include <fuse/fuse.hpp>
namespace fx = fuse;
template <fx::index... E>
using tensor = fx::tensor<float, fx::extents<E...>>;

#if defined(TWIN)
fx::view<double, fx::extents<4>> v;
#else
fx::view<long double, fx::extents<4>> v;
#endif

// SPDX-License-Identifier: Apache-2.0
// expect: fuse::extents: an extent is fuse::dyn or not negative
#include <fuse/fuse.hpp>
namespace fx = fuse;

#if defined(TWIN)
using shape = fx::extents<4, fx::dyn>;
#else
using shape = fx::extents<4, -2>;
#endif
int rank = fx::tensor<float, shape>::rank;

// SPDX-License-Identifier: Apache-2.0
// Whether the accesses of a kernel may be as wide as its program would have them, for the arguments of one call.
#pragma once
#include <fuse/exec/cuda_kernels.hpp>

namespace fuse::cuda {

/// Does every row of an access start at a multiple of n elements? axis: the one that it is read along.
template <class P>
bool access_is_wide(const typename P::arguments& a, int i, int axis, int n) {
  const access_code& c = P::access[i];
  const int bytes = n * size_of(c.type) > 16 ? 16 : n * size_of(c.type);
  if (reinterpret_cast<std::uintptr_t>(a.base[i]) % static_cast<std::uintptr_t>(bytes) != 0) return false;
  for (int j = 0; j < P::axes; ++j)
    if (j != axis && a.step[i][j] % n != 0) return false;
  return !c.gathered || a.gathered_step[i] % n == 0;
}
/// The same of all operands of products, each along the axis that it is read by.
template <class P>
bool products_are_wide(const typename P::arguments& a) {
  constexpr int n = depth_lanes<P>;
  if constexpr (P::column >= 0)
    if (!access_is_wide<P>(a, P::contracted_access, P::column, column_lanes<P>)) return false;
  for (int s = 0; s < P::steps; ++s) {
    if (P::step[s].kind != step_kind::product) continue;
    for (int side = 0; side < 2; ++side) {
      const int i = P::step[s].in[side];
      if (P::access[i].contraction == stepping::unit && !access_is_wide<P>(a, i, P::contraction, n)) return false;
      if (side == 1 && P::access[i].inner == stepping::unit && !access_is_wide<P>(a, i, P::outer, n)) return false;
    }
  }
  return true;
}
/// May a map or a row kernel work with the lanes of its program?
template <class P>
bool elements_are_wide(const typename P::arguments& a) {
  if constexpr (may_be_narrow<P>) {
    if (P::outer > 0 && a.extent[P::outer] % lanes<P> != 0) return false;
    for (int i = 0; i < P::accesses; ++i)
      if (P::access[i].memory && P::access[i].inner == stepping::unit && !access_is_wide<P>(a, i, P::outer, lanes<P>))
        return false;
  }
  return true;
}

}  // namespace fuse::cuda

// SPDX-License-Identifier: Apache-2.0
// Several kernels as one launch: each has blocks of its own, and a block finds out whose it is. What takes a GPU too
// little to be busy, such as the products of a few rows with several matrices, then shares it.
#pragma once
#include <fuse/exec/cuda_widths.hpp>
#include <fuse/exec/parts.hpp>

namespace fuse::cuda {

/// A part with its work: `count` packs or tiles for so many blocks.
template <class P>
struct placed_part {
  typename P::arguments a;
  index count, blocks, wide;
};

/// All of them, as the parameter of a kernel. Parts of one program are a list, so that its code is there once.
template <class P, class... Rest>
struct side_by_side {
  placed_part<P> first;
  side_by_side<Rest...> rest;
};
template <class P>
struct side_by_side<P> {
  placed_part<P> list[1];
};
template <class P, class... Rest>
requires(std::is_same_v<P, Rest>&&...) struct side_by_side<P, Rest...> {
  placed_part<P> list[1 + sizeof...(Rest)];
};

template <class P, class... Rest>
consteval index scratch_of_tiles() {
  index most = 0;
  for (const index bytes : {tiles::scratch_bytes<P, device_values>, tiles::scratch_bytes<Rest, device_values>...})
    most = most < bytes ? bytes : most;
  return most;
}

/// f(part, number of the block among those of the part).
template <class P, class... Rest, class F>
__device__ void at_block(const side_by_side<P, Rest...>& parts, index block, const F& f) {
  if constexpr (requires { parts.list; }) {
    int i = 0;
    while (block >= parts.list[i].blocks) block -= parts.list[i++].blocks;
    f(parts.list[i], block);
  } else if (block < parts.first.blocks) {
    f(parts.first, block);
  } else {
    at_block(parts.rest, block - parts.first.blocks, f);
  }
}

template <class... P>
__global__ void __launch_bounds__(256) maps_kernel(const __grid_constant__ side_by_side<P...> parts) {
  follow_predecessor();
  at_block(parts, blockIdx.x, []<class Q>(const placed_part<Q>& x, index block) FUSE_INLINE {
    map_in_block<Q>(x.a, x.count, block, x.blocks, x.wide);
  });
}

/// `width`: columns of a tile, as for one kernel.
template <class... P>
__global__ void __launch_bounds__(256) tiles_kernel(const __grid_constant__ side_by_side<P...> parts, int width) {
  __shared__ __align__(16) char scratch[scratch_of_tiles<P...>()];
  __shared__ __align__(16) char storage[max_warps * 8];
  at_block(parts, blockIdx.x, [&]<class Q>(const placed_part<Q>& x, index block) FUSE_INLINE {
    tiles_in_block<Q>(x.a, x.count, block, x.blocks, width, x.wide, scratch, storage);
  });
}

/// As many blocks as work asks for, and a grid with so many parts holds.
inline unsigned blocks_for(index work, index per_block, index parts = 1) {
  const index n = (work + per_block - 1) / per_block, most = 0x3fffffff / parts;
  return static_cast<unsigned>(n < 1 ? 1 : n > most ? most : n);
}
template <class... P, class F>
void place_each(const parts<P...>& all, side_by_side<P...>& placed, const F& one) {
  if constexpr (requires { placed.list; }) {
    int i = 0;
    for_each_part(all, [&](const auto& x) { one(x, placed.list[i++]); });
  } else {
    one(all.first, placed.first);
    place_each(all.rest, placed.rest, one);
  }
}
/// Gives each part its blocks, and returns how many that are.
template <class... P>
unsigned place(const parts<P...>& all, side_by_side<P...>& placed, int width) {
  unsigned total = 0;
  auto one = [&]<class Q>(const part<Q>& from, placed_part<Q>& to) {
    to.a = from.arguments;
    if constexpr (Q::kind == family::map) {
      to.wide = elements_are_wide<Q>(from.arguments);
      to.count = from.any ? map_packs<Q>(from.arguments, to.wide ? lanes<Q> : 1) : 0;
      to.blocks = from.any ? blocks_for(to.count, 256, sizeof...(P)) : 0;
    } else {
      to.wide = products_are_wide<Q>(from.arguments);
      to.count = from.any ? tiles::count<Q>(from.arguments, width) : 0;
      to.blocks = from.any ? blocks_for(to.count, 1, sizeof...(P)) : 0;
    }
    total += static_cast<unsigned>(to.blocks);
  };
  place_each(all, placed, one);
  return total;
}

}  // namespace fuse::cuda

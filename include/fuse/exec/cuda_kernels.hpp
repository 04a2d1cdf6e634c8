// SPDX-License-Identifier: Apache-2.0
// The CUDA entry points: one __global__ template a family, and how each is shaped for a program.
#pragma once
#include <fuse/kernel/attention.hpp>
#include <fuse/kernel/map.hpp>
#include <fuse/kernel/row.hpp>
#include <fuse/kernel/tile.hpp>

namespace fuse::cuda {

/// Elements in a 16-byte access of the narrowest dtype that a program reads or writes side by side along an axis.
/// Axis: which of the three stepping members of an access counts.
template <class P>
consteval int widest(stepping access_code::*along) {
  int bytes = 16;
  for (int i = 0; i < P::accesses; ++i)
    if (P::access[i].memory && P::access[i].*along == stepping::unit && size_of(P::access[i].type) < bytes)
      bytes = size_of(P::access[i].type);
  return 16 / bytes;
}
/// Is every row start of those accesses a multiple of n elements whatever the run-time lengths are?
template <class P>
consteval bool always_aligned(stepping access_code::*along, int n) {
  for (int i = 0; i < P::accesses; ++i)
    if (P::access[i].memory && P::access[i].*along == stepping::unit && P::access[i].aligned < n) return false;
  return true;
}

/// How many neighbouring elements a thread of a map or row kernel takes.
template <class P>
consteval int lanes_of_program() {
  int n = widest<P>(&access_code::inner);
  constexpr index e = P::extent[P::outer];
  while (e != dyn && P::outer > 0 && P::multiple % n != 0) n /= 2;
  return n;
}
template <class P>
inline constexpr int lanes = lanes_of_program<P>();
/// May a launch turn out to be unable to use those lanes? Then the kernel carries a path of one element a thread.
template <class P>
inline constexpr bool may_be_narrow = lanes<P> > 1 && (!always_aligned<P>(&access_code::inner, lanes<P>) ||
                                                       (P::outer > 0 && P::multiple % lanes<P> != 0));

/// The same for the operands of products, along the contraction or their columns.
template <class P>
consteval int depth_lanes_of_program() {
  int bytes = 16;
  for (int s = 0; s < P::steps; ++s)
    for (int side = 0; side < 2 && P::step[s].kind == step_kind::product; ++side)
      if (size_of(P::access[P::step[s].in[side]].type) < bytes) bytes = size_of(P::access[P::step[s].in[side]].type);
  return 16 / bytes;
}
template <class P>
inline constexpr int depth_lanes = depth_lanes_of_program<P>();

/// Columns in a 16-byte access of the matrix that attention weighs.
template <class P>
consteval int column_lanes_of_program() {
  const access_code matrix = P::access[P::contracted_access];
  return matrix.column == stepping::unit ? 16 / size_of(matrix.type) : 1;
}
template <class P>
inline constexpr int column_lanes = column_lanes_of_program<P>();

template <class P>
consteval int count_kept() {
  int n = 0;
  for (int i = 0; i < P::steps; ++i) n += rows::kept<P, device_values>(i);
  return n;
}
template <class P>
inline constexpr int kept_count = count_kept<P>();

/// Threads for one row, and how many packs of it each thread holds in registers; held 0: scratch memory.
struct row_shape {
  int threads, held;
};
template <class P>
consteval row_shape shape_rows() {
  constexpr index n = P::extent[P::outer];
  if (n == dyn) return row_shape{512, 0};
  constexpr index packs = (n + lanes<P> - 1) / lanes<P>;
  int threads = 32;
  while (threads < 1024 && threads * 2 * (lanes<P> >= 8 ? 1 : 2) <= packs) threads *= 2;
  const index held = packs > 0 ? (packs + threads - 1) / threads : 1;
  const int budget = threads > 512 ? 32 : 64;  // registers for held values
  if (held * lanes<P> * (kept_count < P >> 0 ? kept_count<P> : 1) > budget) return row_shape{512, 0};
  return row_shape{threads, static_cast<int>(held)};
}
template <class P>
inline constexpr row_shape row_shape_of = shape_rows<P>();

/// Programmatic dependent launch, compute capability 9.0 (elsewhere nothing): the kernel after this one may be made
/// ready, and this one goes on when what the one before it wrote is there.
__device__ inline void admit_successor() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}
__device__ inline void await_predecessor() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}
/// Both: the first thing that a kernel does.
__device__ inline void follow_predecessor() {
  admit_successor();
  await_predecessor();
}

/// What block `block` of `blocks` does of a map of so many packs.
template <class P>
__device__ void map_in_block(const typename P::arguments& a, index packs, index block, index blocks, bool wide) {
  cuda_block b{nullptr};
  const index first = block * blockDim.x + threadIdx.x, stride = blocks * blockDim.x;
  if constexpr (may_be_narrow<P>) {
    if (!wide) return run_map<P, 1>(b, a, first, packs, stride);
  }
  run_map<P, lanes<P>>(b, a, first, packs, stride);
}
template <class P>
__global__ void __launch_bounds__(256)
    map_kernel(const __grid_constant__ typename P::arguments a, index packs, bool wide) {
  follow_predecessor();
  map_in_block<P>(a, packs, blockIdx.x, gridDim.x, wide);
}

template <class P>
__global__ void __launch_bounds__(row_shape_of<P>.threads)
    row_kernel(const __grid_constant__ typename P::arguments a, char* scratch, index scratch_stride, index capacity,
               bool wide) {
  __shared__ __align__(16) char storage[max_warps * 8];
  extern __shared__ __align__(16) char dynamic[];
  follow_predecessor();
  cuda_block b{storage};
  char* mine = scratch ? scratch + index(blockIdx.x) * scratch_stride : dynamic;
  const index count = row_count<P>(a);
  for (index row = blockIdx.x; row < count; row += gridDim.x) {
    const auto place = place_of_row<P>(a, row);
    if constexpr (may_be_narrow<P>) {
      if (!wide) {
        run_row<P, 1, 0>(b, a, place, mine, capacity);
        continue;
      }
    }
    run_row<P, lanes<P>, row_shape_of<P>.held>(b, a, place, mine, capacity);
  }
}

/// Asks the L2 cache for the beginning of the rows of the right operands that a tile multiplies. They are weights, or
/// nearly always so; to ask is allowed for whatever is there, before the kernel that writes it is through.
template <class P>
__device__ void prefetch_right_operands(const typename P::arguments& a, index t, int width) {
  constexpr index line = 128, most = 4096;  // bytes of each row
  const tiles::tile_place at = tiles::place_of<P>(a, t, width);
  const auto place = place_of_row<P>(a, at.batch * length<P, P::outer - 1>(a) + at.first_row);
  unrolled<P::steps>([&](auto i) FUSE_INLINE {
    if constexpr (P::step[i].kind == step_kind::product) {
      constexpr int right = P::step[i].in[1];
      constexpr access_code r = P::access[right];
      if constexpr (r.contraction == stepping::unit && !r.gathered) {
        constexpr index size = sizeof(type_of<r.type>);
        const index all = length<P, P::contraction>(a) * size, bytes = all < most ? all : most;
        const index lines = (bytes + line - 1) / line;
        for (index n = threadIdx.x; n < lines * at.columns; n += blockDim.x) {
          const char* row =
              a.base[right] + (place.at[right] + (at.first_column + n / lines) * a.step[right][P::outer]) * size;
          asm volatile("prefetch.global.L2 [%0];" ::"l"(row + n % lines * line));
        }
      }
    }
  });
}

/// Fewest columns of a tile: as many as fill a sector of each output, where warps take columns of their own (right
/// operands are read along the contraction), else all.
template <class P>
consteval int least_tile_width_of_program() {
  int n = 8;
  for (int s = 0; s < P::stores; ++s) {
    const int in_sector = 32 / size_of(P::access[P::store[s].access].type);
    n = n < in_sector ? in_sector : n;
  }
  for (int s = 0; s < P::steps; ++s)
    if (P::step[s].kind == step_kind::product && P::access[P::step[s].in[1]].contraction != stepping::unit)
      n = tiles::tile_columns;
  return n;
}
template <class P>
inline constexpr int least_tile_width = least_tile_width_of_program<P>();

/// What block `block` of `blocks` does of so many tiles. `width`: columns of a tile, a multiple of 4; a warp for every
/// 4 of them.
template <class P>
__device__ void tiles_in_block(const typename P::arguments& a, index count, index block, index blocks, int width,
                               bool wide, char* scratch, char* storage) {
  admit_successor();
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  if (block < count) prefetch_right_operands<P>(a, block, width);
#endif
  await_predecessor();
  cuda_block b{storage};
  for (index t = block; t < count; t += blocks) {
    if (wide)
      run_tile<P, depth_lanes<P>, 1>(b, a, t, scratch, width);
    else
      run_tile<P, 1, 1>(b, a, t, scratch, width);
  }
}
template <class P>
__global__ void __launch_bounds__(256)
    tile_kernel(const __grid_constant__ typename P::arguments a, index count, int width, bool wide) {
  __shared__ __align__(16) char scratch[tiles::scratch_bytes<P, device_values>];
  __shared__ __align__(16) char storage[max_warps * 8];
  tiles_in_block<P>(a, count, blockIdx.x, gridDim.x, width, wide, scratch, storage);
}

template <class P>
__global__ void __launch_bounds__(256) attention_kernel(const __grid_constant__ typename P::arguments a, char* scratch,
                                                        index scratch_stride, index capacity, bool wide) {
  __shared__ __align__(16) char storage[max_warps * 8];
  extern __shared__ __align__(16) char dynamic[];
  follow_predecessor();
  cuda_block b{storage};
  char* mine = scratch ? scratch + index(blockIdx.x) * scratch_stride : dynamic;
  const index count = row_count<P>(a);
  for (index row = blockIdx.x; row < count; row += gridDim.x) {
    if (wide)
      run_attention<P, depth_lanes<P>, 1, column_lanes<P>>(b, a, row, mine, capacity);
    else
      run_attention<P, 1, 1, 1>(b, a, row, mine, capacity);
  }
}

}  // namespace fuse::cuda

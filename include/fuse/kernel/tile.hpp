// SPDX-License-Identifier: Apache-2.0
// The tile family: contractions with their epilogue. A block computes a tile of one or more products of the same left
// operand into scratch memory, then everything that reads them (bias, activation, residual, several outputs) on the
// tile.
#pragma once
#include <fuse/kernel/product.hpp>
#include <fuse/kernel/row.hpp>

namespace fuse {

namespace tiles {
inline constexpr int tile_rows = 8, tile_columns = 64;  // at most: a launch may choose fewer columns

/// Bytes of scratch memory of one block.
template <class P, class Values>
inline constexpr int scratch_bytes = rows::scratch_count<P, Values>() * tile_rows* tile_columns * 8;

/// Tiles of the whole index space: batches x tiles of rows x tiles of `width` columns.
template <class P>
FUSE_HD index count(const typename P::arguments& a, int width = tile_columns) {
  const index r = length<P, P::outer - 1>(a), c = length<P, P::outer>(a);
  return row_count<P, P::outer - 1>(a) * ((r + tile_rows - 1) / tile_rows) * ((c + width - 1) / width);
}

/// Where tile number t lies: tiles of the same columns are next to each other, so that a weight is read from cache.
struct tile_place {
  index batch, first_row, rows, first_column, columns;
};
template <class P>
FUSE_HD tile_place place_of(const typename P::arguments& a, index t, int width) {
  const index all_rows = length<P, P::outer - 1>(a), all_columns = length<P, P::outer>(a);
  const index row_tiles = (all_rows + tile_rows - 1) / tile_rows, column_tiles = (all_columns + width - 1) / width;
  const index batch = quotient(t, row_tiles * column_tiles), in_batch = t - batch * row_tiles * column_tiles;
  const index row = in_batch % row_tiles * tile_rows, column = in_batch / row_tiles * width;
  return {batch, row, all_rows - row < tile_rows ? all_rows - row : tile_rows, column,
          all_columns - column < width ? all_columns - column : width};
}
}  // namespace tiles

/// What reads the products, on a tile: `rows` rows from `first_row` on (counted through all batches) and `columns`
/// columns. product_at(i, row): where row `row` of the tile of product i lies.
FUSE_UNCHECKED
template <class P, int N, block B, class At>
FUSE_HD void run_epilogue(const B& b, const typename P::arguments& a, index first_row, index rows, index first_column,
                          index columns, const At& product_at) {
  evaluator<P, typename B::values, N> e(a);
  const index packs = (columns + N - 1) / N;
  for (index item = b.rank(); item < rows * packs; item += b.size()) {
    const index row = item / packs, in_tile = item % packs * N;
    const int count = static_cast<int>(columns - in_tile < N ? columns - in_tile : N);
    e.place = place_of_row<P>(a, first_row + row);
    e.template run_row_steps<0>();
    unrolled<P::steps>([&](auto i) FUSE_INLINE {
      constexpr step_code s = P::step[i];
      if constexpr (s.kind == step_kind::product)
        registers::get<i>(e.r) =
            B::values::template narrow<s.type>(B::values::template load<rows::scratch_dtype<s.type>, stepping::unit, N>(
                product_at(i, row) + in_tile, 1, count));
      else if constexpr (s.element)
        e.template run<i>(first_column + in_tile, count);
    });
    unrolled<P::stores>([&](auto s) FUSE_INLINE { e.template store<s>(first_column + in_tile, count); });
  }
}

/// Tile number t of those of `width` columns.
FUSE_UNCHECKED
template <class P, int Depth, int N, block B>
FUSE_HD void run_tile(const B& b, const typename P::arguments& a, index t, char* scratch,
                      int width = tiles::tile_columns) {
  using V = typename B::values;
  const tiles::tile_place at = tiles::place_of<P>(a, t, width);
  const index first = at.batch * length<P, P::outer - 1>(a) + at.first_row;  // row of the whole index space
  const auto place = place_of_row<P>(a, first);

  auto product_at = [&](auto i, index row) FUSE_INLINE {
    using T = compute_type_of<P::step[i].type>;
    return reinterpret_cast<T*>(scratch) +
           (rows::scratch_number<P, V>(i) * tiles::tile_rows + row) * tiles::tile_columns;
  };
  unrolled<P::steps>([&](auto i) FUSE_INLINE {
    if constexpr (P::step[i].kind == step_kind::product)
      run_product<P, i, Depth>(b, a, place, P::outer - 1, at.rows, at.first_column, at.columns, product_at(i, 0),
                               tiles::tile_columns);
  });
  b.sync();

  run_epilogue<P, N>(b, a, first, at.rows, at.first_column, at.columns, product_at);
  b.sync();  // the next tile writes the scratch memory again
}

}  // namespace fuse

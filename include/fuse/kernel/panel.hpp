// SPDX-License-Identifier: Apache-2.0
// The tile family on one host thread where there are more than a few rows. Rows lie in the lanes of the registers: the
// left operand is packed into panels of neighbouring rows, once for all columns, and each element of the right operand
// multiplies a panel's registers. Sums stay in registers for a step of the depth, so that they are of blocks, in a
// fixed order.
#pragma once
#include <fuse/kernel/tile.hpp>

namespace fuse {

namespace panels {

inline constexpr index depth_step = 256;   // a step's part of the right operand stays in the first-level cache
inline constexpr index tile_columns = 56;  // about a multiple of every shape's columns
inline constexpr index most_rows = 128;    // of the left operand packed at once, if they fit packed_bytes
inline constexpr index packed_bytes = index(4) << 20;

/// How the sums of T fill the registers: `packs` packs of rows for each of `columns` columns.
template <class T>
struct panel_shape {
  static constexpr int parts = pack<T, host_lanes>::parts, registers = vectors::register_bytes == 64 ? 32 : 16;
  static constexpr int packs = parts == 1 ? 2 : 1, rows = packs * host_lanes;
  static constexpr int free = registers - packs * parts - 2;  // for a panel's registers, an element, an address
  static constexpr int columns = free / (packs * parts) > 1 ? free / (packs * parts) : 1;
  static_assert(most_rows % rows == 0);
};

/// What will be read soon: a few rows, of which multiply_panel asks for a line at each depth k.
struct upcoming {
  const char* first;
  index row_bytes, element_bytes;
  index mask;  // rows - 1, and rows are a power of two
  FUSE_HD const char* at(index k) const { return first + (k & mask) * row_bytes + (k & ~mask) * element_bytes; }
};

/// sums(c, row) (+)= sum over k of left(k, row) * right(c, k) for c < C and Packs packs of rows.
/// left: [depth][LeftStep], right: [C][depth_step], sums: [C][sums_step].
template <int Packs, int C, int LeftStep, class T>
void multiply_panel(const T* left, const T* right, index depth, T* sums, index sums_step, bool add,
                    const upcoming& next) {
  using value = pack<T, host_lanes>;
  value sum[C][Packs];
  FUSE_UNROLL
  for (int c = 0; c < C; ++c) FUSE_UNROLL
  for (int p = 0; p < Packs; ++p) sum[c][p] = value(T(0));
  for (index k = 0; k < depth; ++k) {
    host_values::prefetch_far(next.at(k));
    value x[Packs];
    FUSE_UNROLL
    for (int p = 0; p < Packs; ++p) x[p] = packs::load<T, host_lanes>(left + k * LeftStep + p * host_lanes);
    FUSE_UNROLL
    for (int c = 0; c < C; ++c) {
      const value y(right[c * depth_step + k]);
      FUSE_UNROLL
      for (int p = 0; p < Packs; ++p) sum[c][p] = host_values::multiply_add<T, host_lanes>(x[p], y, sum[c][p]);
    }
  }
  FUSE_UNROLL
  for (int c = 0; c < C; ++c) FUSE_UNROLL
  for (int p = 0; p < Packs; ++p) {
    T* to = sums + c * sums_step + p * host_lanes;
    packs::store(to, add ? packs::load<T, host_lanes>(to) + sum[c][p] : sum[c][p]);
  }
}

/// out[k * out_step + i] = in(i, k) for i < rows, k < depth; in: `rows` rows of D.
template <dtype D, class T>
void transpose(const stored_type_of<D>* in, index step_i, index step_k, index rows, index depth, T* out,
               index out_step) {
  constexpr int n = host_lanes;
  if (step_k == 1) {
    for (index k = 0; k < depth; k += n) {
      const int count = static_cast<int>(depth - k < n ? depth - k : n);
      for (index i = 0; i < rows; ++i) {
        T part[n];
        packs::store(part, host_values::load<D, stepping::unit, n>(in + i * step_i + k, 1, count));
        for (int j = 0; j < count; ++j) out[(k + j) * out_step + i] = part[j];
      }
    }
  } else {
    for (index k = 0; k < depth; ++k)
      for (index i = 0; i < rows; ++i) out[k * out_step + i] = values::widen<D>(in[i * step_i + k * step_k]);
  }
}

/// out[c * depth_step + k] = in(c, k) for c < columns, k < depth, and 0 for the other columns up to `all`.
template <dtype D, class T>
void gather(const stored_type_of<D>* in, index step_c, index step_k, index columns, index all, index depth, T* out) {
  constexpr int n = host_lanes;
  if (step_k == 1) {
    for (index c = 0; c < columns; ++c)
      for (index k = 0; k < depth; k += n) {
        const int count = static_cast<int>(depth - k < n ? depth - k : n);
        packs::store(out + c * depth_step + k, host_values::load<D, stepping::unit, n>(in + c * step_c + k, 1, count));
      }
  } else {
    for (index k = 0; k < depth; ++k)
      for (index c = 0; c < columns; ++c) out[c * depth_step + k] = values::widen<D>(in[c * step_c + k * step_k]);
  }
  for (index c = columns; c < all; ++c)
    for (index k = 0; k < depth; ++k) out[c * depth_step + k] = T(0);
}

/// Packs `rows` rows of a left operand: panel p holds rows [R * p, R * (p + 1)) of them as [depth][R], R the shape's
/// rows; lanes without a row are 0.
template <dtype D, class T>
__attribute__((noinline)) void pack_left(const stored_type_of<D>* in, index step_i, index step_k, index rows,
                                         index depth, T* left) {
  constexpr index panel_rows = panel_shape<T>::rows;
  for (index row = 0; row < rows; row += panel_rows) {
    T* panel = left + row * depth;
    const index taken = rows - row < panel_rows ? rows - row : panel_rows;
    if (taken < panel_rows)
      for (index j = 0; j < panel_rows * depth; ++j) panel[j] = T(0);
    transpose<D>(in + row * step_i, step_i, step_k, taken, depth, panel, panel_rows);
  }
}

/// out(row, c) = sum over k of left(row, k) * in(c, k), rows of out tile_columns apart. right and sums are scratch
/// memory: [columns of the shape][depth_step] and [columns][group]. Not inlined: one for each pair of dtypes, however
/// many kernels.
template <dtype D, class T>
__attribute__((noinline)) void product_of_rows(const T* left, index rows, index group, const stored_type_of<D>* in,
                                               index step_c, index step_k, index columns, index depth, T* right,
                                               T* sums, T* out) {
  using form = panel_shape<T>;
  constexpr index size = size_of(D);
  const index padded = (columns + form::columns - 1) / form::columns * form::columns;
  if (depth == 0)
    for (index j = 0; j < padded * group; ++j) sums[j] = T(0);
  index share = 1;  // of the rows that are gathered next, asked for while one panel is multiplied
  while (share * ((rows + form::rows - 1) / form::rows) < form::columns) share *= 2;
  for (index k = 0; k < depth; k += depth_step) {
    const index deep = depth - k < depth_step ? depth - k : depth_step;
    for (index c = 0; c < padded; c += form::columns) {
      const index real = columns - c < form::columns ? columns - c : form::columns;
      gather<D>(in + c * step_c + k * step_k, step_c, step_k, real, form::columns, deep, right);
      const bool last = c + form::columns >= padded;
      const auto* ahead = in + (last ? 0 : c + form::columns) * step_c + (last ? k + depth_step : k) * step_k;
      for (index row = 0; row < rows; row += form::rows, ahead += share * step_c) {
        const upcoming next{reinterpret_cast<const char*>(ahead), step_c * size, step_k * size, share - 1};
        const T* x = left + row * depth + k * form::rows;
        T* to = sums + c * group + row;
        if (form::packs > 1 && rows - row <= host_lanes)
          multiply_panel<1, form::columns, form::rows>(x, right, deep, to, group, k > 0, next);
        else
          multiply_panel<form::packs, form::columns, form::rows>(x, right, deep, to, group, k > 0, next);
      }
    }
  }
  for (index row = 0; row < rows; ++row)
    for (index c = 0; c < columns; ++c) out[row * tile_columns + c] = sums[c * group + row];
}

/// Is step I a product whose left operand no product before it has?
template <class P>
consteval bool packs_left(int step) {
  if (P::step[step].kind != step_kind::product) return false;
  for (int i = 0; i < step; ++i)
    if (P::step[i].kind == step_kind::product && P::step[i].in[0] == P::step[step].in[0]) return false;
  return true;
}
/// Which of the packed left operands step I multiplies.
template <class P>
consteval int left_number(int step) {
  int n = 0;
  for (int i = 0; P::step[i].in[0] != P::step[step].in[0] || P::step[i].kind != step_kind::product; ++i)
    n += packs_left<P>(i);
  return n;
}
template <class P>
consteval int lefts() {
  int n = 0;
  for (int i = 0; i < P::steps; ++i) n += packs_left<P>(i);
  return n;
}
template <class P>
consteval index element_bytes() {
  for (int i = 0; i < P::steps; ++i)
    if (P::step[i].kind == step_kind::product &&
        (compute_of(P::step[i].type) == compute::i64 || compute_of(P::step[i].type) == compute::f64))
      return 8;
  return 4;
}

/// How one call is divided: groups of rows, tiles of columns, and where things lie in scratch memory (in bytes).
template <class P>
struct division {
  static constexpr index size = element_bytes<P>();
  index all_rows, all_columns, depth, group, groups, tiles, batches;
  index left, left_bytes;
  index right, sums, products, bytes;

  FUSE_HD explicit division(const typename P::arguments& a)
      : all_rows(length<P, P::outer - 1>(a)),
        all_columns(length<P, P::outer>(a)),
        depth(length<P, P::contraction>(a)),
        batches(row_count<P, P::outer - 1>(a)) {
    constexpr index panel = 2 * host_lanes;
    group = packed_bytes / ((depth > 0 ? depth : 1) * size) / panel * panel;
    group = group > most_rows ? most_rows : group < panel ? panel : group;
    if (group > (all_rows + panel - 1) / panel * panel) group = (all_rows + panel - 1) / panel * panel;
    groups = (all_rows + group - 1) / group;
    tiles = (all_columns + tile_columns - 1) / tile_columns;
    left_bytes = group * depth * size;
    left = 64;  // after the number of the rows that are packed
    right = left + lefts<P>() * left_bytes;
    sums = right + host_lanes * 2 * depth_step * size;
    products = sums + (tile_columns + host_lanes * 2) * group * size;
    bytes = products + rows::scratch_count<P, host_values>() * group * tile_columns * 8;
  }
  FUSE_HD index count() const { return batches * groups * tiles; }
};

/// Do rows fill enough lanes, and does a panel of them fit into memory that a thread may well ask for?
template <class P>
FUSE_HD bool pay(const typename P::arguments& a) {
  return length<P, P::outer - 1>(a) >= 3 * host_lanes / 4 && length<P, P::contraction>(a) <= index(1) << 17;
}

/// Where row `row` of the tile of product i lies.
template <class P>
struct products_of_tile {
  char* first;
  index group;  // rows of each product

  template <class I>
  FUSE_HD auto operator()(I i, index row) const {
    using T = compute_type_of<P::step[i].type>;
    return reinterpret_cast<T*>(first) + (rows::scratch_number<P, host_values>(i) * group + row) * tile_columns;
  }
};

}  // namespace panels

/// Tiles [begin, end), those of the same rows next to each other. Unless this is the first call with that scratch
/// memory in a launch, the rows that the call before packed are still there.
template <class P>
void run_panels(const single_block& b, const typename P::arguments& a, index begin, index end, char* scratch,
                bool first) {
  using namespace panels;
  const division<P> d(a);
  index& packed = *reinterpret_cast<index*>(scratch);
  if (first) packed = -1;
  for (index t = begin; t < end; ++t) {
    const index rows_of_tile = t / d.tiles, first_column = t % d.tiles * tile_columns;
    const index batch = rows_of_tile / d.groups, first_row = rows_of_tile % d.groups * d.group;
    const index rows = d.all_rows - first_row < d.group ? d.all_rows - first_row : d.group;
    const index columns = d.all_columns - first_column < tile_columns ? d.all_columns - first_column : tile_columns;
    const auto place = place_of_row<P>(a, batch * d.all_rows + first_row);
    const products_of_tile<P> product_at{scratch + d.products, d.group};
    unrolled<P::steps>([&](auto i) FUSE_INLINE {
      if constexpr (P::step[i].kind == step_kind::product) {
        using T = compute_type_of<P::step[i].type>;
        constexpr int l = P::step[i].in[0], r = P::step[i].in[1];
        constexpr dtype left_type = P::access[l].type, right_type = P::access[r].type;
        T* left = reinterpret_cast<T*>(scratch + d.left + left_number<P>(i) * d.left_bytes);
        if (packs_left<P>(i) && packed != rows_of_tile)
          pack_left<left_type>(reinterpret_cast<const stored_type_of<left_type>*>(a.base[l]) + place.at[l],
                               a.step[l][P::outer - 1], a.step[l][P::contraction], rows, d.depth, left);
        const index step = a.step[r][P::outer];
        product_of_rows<right_type>(
            left, rows, d.group,
            reinterpret_cast<const stored_type_of<right_type>*>(a.base[r]) + place.at[r] + first_column * step, step,
            a.step[r][P::contraction], columns, d.depth, reinterpret_cast<T*>(scratch + d.right),
            reinterpret_cast<T*>(scratch + d.sums), product_at(i, 0));
      }
    });
    packed = rows_of_tile;
    run_epilogue<P, host_lanes>(b, a, batch * d.all_rows + first_row, rows, first_column, columns, product_at);
  }
}

}  // namespace fuse

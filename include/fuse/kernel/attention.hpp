// SPDX-License-Identifier: Apache-2.0
// The attention family: a row kernel whose elements are products (scores, one for each key) and whose row is contracted
// with a matrix (the values). Scores never leave the block.
#pragma once
#include <fuse/kernel/product.hpp>
#include <fuse/kernel/row.hpp>

namespace fuse {

namespace attentions {
/// Bytes of scratch memory before the output row: `capacity` elements of each value, up to a multiple of 16.
template <class P, class Values>
FUSE_HD index row_bytes(index capacity) {
  return (rows::scratch_bytes<P, Values> * capacity + 15) / 16 * 16;
}
/// Bytes of scratch memory of one block: the row, the output row of c, and the partial sums of its threads, for packs
/// of `n` columns.
template <class P, class Values>
FUSE_HD index scratch_bytes(index capacity, index c, int threads, int n) {
  return row_bytes<P, Values>(capacity) +
         index(sizeof(compute_type_of<P::contracted_type>)) * (c + products::part_count(threads, n));
}
}  // namespace attentions

/// One row: scores, row work, contraction. `capacity`: elements that each scratch value has room for.
FUSE_UNCHECKED
template <class P, int Depth, int N, int Column, block B>
FUSE_HD void run_attention(const B& b, const typename P::arguments& a, index row, char* scratch, index capacity) {
  using V = typename B::values;
  using T = compute_type_of<P::contracted_type>;
  const index n = length<P, P::outer>(a), columns = length<P, P::column>(a);
  const auto place = place_of_row<P>(a, row);
  unrolled<P::steps>([&](auto i) FUSE_INLINE {
    if constexpr (P::step[i].kind == step_kind::product) {
      using S = compute_type_of<P::step[i].type>;
      run_product<P, i, Depth>(
          b, a, place, -1, 1, 0, n,
          reinterpret_cast<S*>(scratch + rows::scratch_number<P, V>(i) * capacity * rows::slot_bytes<P, V>), n);
    }
  });
  b.sync();
  run_row<P, N, 0>(b, a, place, scratch, capacity);
  b.sync();

  constexpr int right = P::contracted_access;
  constexpr access_code m = P::access[right];
  using namespace products;
  using S = compute_type_of<P::step[P::contracted].type>;
  const S* weights = reinterpret_cast<const S*>(scratch + rows::scratch_number<P, V>(P::contracted) * capacity *
                                                              rows::slot_bytes<P, V>);
  T* out = reinterpret_cast<T*>(scratch + attentions::row_bytes<P, V>(capacity));
  T* parts = b.size() > 1 ? out + columns : nullptr;
  constexpr stepping across = m.column == stepping::unit ? stepping::unit : stepping::strided;
  outer<(across == stepping::unit ? Column : 1), across>(
      b, products::matrix<dtype_for<S>, stepping::unit>{weights, 0, 1},
      products::matrix<m.type, stepping::strided>{
          reinterpret_cast<const stored_type_of<m.type>*>(a.base[right]) + place.at[right], 0, a.step[right][P::outer]},
      a.step[right][P::column], 1, columns, n, out, columns, parts);
  b.sync();
  unrolled<P::stores>([&](auto s) FUSE_INLINE {
    constexpr int to = P::store[s].access;
    constexpr dtype D = P::access[to].type;
    auto* p = reinterpret_cast<stored_type_of<D>*>(a.base[to]) + place.at[to];
    for (index c = b.rank(); c < columns; c += b.size())
      p[c * a.step[to][P::column]] = values::shrink<D>(compute_type_of<D>(out[c]));
  });
  b.sync();  // the next row writes the scratch memory again
}

}  // namespace fuse

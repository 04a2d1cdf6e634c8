// SPDX-License-Identifier: Apache-2.0
// Contractions: a small tile of a matrix product, computed by one block into memory that its threads share.
#pragma once
#include <fuse/kernel/evaluate.hpp>
#include <fuse/op/arithmetic.hpp>

namespace fuse {

namespace products {

/// Values of a compute type as one dtype, so that loads and stores of scratch memory go through the same functions.
template <class T>
inline constexpr dtype dtype_for = std::is_same_v<T, float>          ? dtype::f32
                                   : std::is_same_v<T, double>       ? dtype::f64
                                   : std::is_same_v<T, std::int64_t> ? dtype::i64
                                                                     : dtype::i32;

/// Lane j of a value.
FUSE_UNCHECKED
template <class Values, class V>
FUSE_HD auto lane_of(const V& v, int j) {
  if constexpr (Values::device)
    return v.v[j];
  else
    return packs::lane(v, j);
}

/// One operand of a contraction: element (i, k) is at p + i * step_i + k * step_k.
template <dtype D, stepping AlongK>
struct matrix {
  const stored_type_of<D>* p;
  index step_i, step_k;
};

/// out(i, c) = sum over k of left(i, k) * right(c, k) for i < M, c < C, both operands contiguous along k.
/// The lanes of a warp share the sum; lane 0 writes.
FUSE_UNCHECKED
template <int M, int C, int N, block B, dtype DL, dtype DR, stepping L, stepping R, class T>
FUSE_HD void dot_tile(const B& b, const matrix<DL, L>& left, const matrix<DR, R>& right, index depth, T* out,
                      index out_step) {
  using V = typename B::values;
  using value = typename V::template value<T, N>;
  value sum[M][C];
  FUSE_UNROLL
  for (int i = 0; i < M; ++i) FUSE_UNROLL
  for (int c = 0; c < C; ++c) sum[i][c] = V::template splat<T, N>(T(0));
  const int lane = b.rank() % b.lanes();
  auto visit = [&](index k, int count) FUSE_INLINE {
    value x[M];
    FUSE_UNROLL
    for (int i = 0; i < M; ++i)
      x[i] = V::template load<DL, L, N>(left.p + i * left.step_i + k * (L == stepping::unit ? 1 : left.step_k),
                                        left.step_k, count);
    FUSE_UNROLL
    for (int c = 0; c < C; ++c) {
      const value y = V::template load<DR, R, N>(right.p + c * right.step_i + k, 1, count);
      FUSE_UNROLL
      for (int i = 0; i < M; ++i) sum[i][c] = V::template multiply_add<T, N>(x[i], y, sum[i][c]);
    }
  };
  const index step = index(b.lanes()) * N;
  index k = index(lane) * N;
  if constexpr (V::template in_pairs<DL> && V::template in_pairs<DR> && L == stepping::unit && R == stepping::unit) {
    for (; b.lanes() == 1 && k + 2 * N <= depth; k += 2 * N) {  // a thread has the whole depth
      typename V::pair x[M];
      for (int i = 0; i < M; ++i) x[i] = V::template load_pair<DL>(left.p + i * left.step_i + k);
      for (int c = 0; c < C; ++c) {
        const typename V::pair y = V::template load_pair<DR>(right.p + c * right.step_i + k);
        for (int i = 0; i < M; ++i) {
          sum[i][c] = V::template multiply_add<T, N>(x[i].even, y.even, sum[i][c]);
          sum[i][c] = V::template multiply_add<T, N>(x[i].odd, y.odd, sum[i][c]);
        }
      }
    }
  }
  for (; k + N <= depth; k += step) visit(k, N);
  if (k < depth) visit(k, static_cast<int>(depth - k));
  FUSE_UNROLL
  for (int i = 0; i < M; ++i) FUSE_UNROLL
  for (int c = 0; c < C; ++c) {
    T s = V::template fold<&op_entry<ops::add_t>::info>(sum[i][c]);
    for (int mask = b.lanes() / 2; mask > 0; mask /= 2) s += b.exchange(s, mask);
    if (lane == 0) out[i * out_step + c] = s;
  }
}

/// out(i, c) for i < rows, c < columns, in blocks of 4 x 4 shared among the warps of a block.
FUSE_UNCHECKED
template <int N, block B, dtype DL, dtype DR, stepping L, stepping R, class T>
FUSE_HD void dot(const B& b, matrix<DL, L> left, matrix<DR, R> right, index rows, index columns, index depth, T* out,
                 index out_step) {
  constexpr int M = 4, C = 4;
  const index warps = b.size() / b.lanes(), warp = b.rank() / b.lanes();
  const index column_blocks = (columns + C - 1) / C;
  for (index i = 0; i < rows;) {
    const index taken = i + M <= rows ? M : 1;
    for (index w = warp; w < column_blocks; w += warps) {
      const index c = w * C;
      const matrix<DL, L> x{left.p + i * left.step_i, left.step_i, left.step_k};
      matrix<DR, R> y{right.p + c * right.step_i, right.step_i, 1};
      T* to = out + i * out_step + c;
      if (c + C <= columns) {
        if (taken == M)
          dot_tile<M, C, N>(b, x, y, depth, to, out_step);
        else
          dot_tile<1, C, N>(b, x, y, depth, to, out_step);
      } else {
        for (index last = c; last < columns; ++last, y.p += right.step_i, ++to) {
          if (taken == M)
            dot_tile<M, 1, N>(b, x, y, depth, to, out_step);
          else
            dot_tile<1, 1, N>(b, x, y, depth, to, out_step);
        }
      }
    }
    i += taken;
  }
}

/// Partial sums of one block: a plane of one value a thread for each of its N lanes. Planes are apart by so much that
/// neighbouring threads write, and neighbouring columns read, different banks of shared memory.
FUSE_HD constexpr index part_plane(index threads, int n) { return threads + 32 / n; }
FUSE_HD constexpr index part_count(index threads, int n) { return threads > 1 ? part_plane(threads, n) * n : 0; }

/// out(i, c) = sum over k of left(i, k) * right(k, c) for i < rows, c < columns; the right operand is read along its
/// columns (R: how they lie). Threads take packs of N columns, and where columns are few and there is one row, shares
/// of k: `parts` (part_count(size(), N) values) then holds their partial sums.
FUSE_UNCHECKED
template <int N, stepping R, block B, dtype DL, dtype DR, stepping L, stepping K, class T>
FUSE_HD void outer(const B& b, matrix<DL, L> left, matrix<DR, K> right, index column_step, index rows, index columns,
                   index depth, T* out, index out_step, T* parts) {
  using V = typename B::values;
  using value = typename V::template value<T, N>;
  const index packs = (columns + N - 1) / N;
  if (packs == 0) return;
  const int beside = packs < b.size() ? static_cast<int>(packs) : b.size();  // threads along the columns
  const int shares = parts != nullptr ? b.size() / beside : 1, share = b.rank() / beside, first = b.rank() % beside;
  constexpr int M = 4;
  for (index i = 0; i < rows; i += M) {
    const int taken = static_cast<int>(rows - i < M ? rows - i : M);
    if (share < shares) {
      for (index p = first; p < packs; p += beside) {
        const index c = p * N;
        const int count = static_cast<int>(columns - c < N ? columns - c : N);
        value sum[M];
        FUSE_UNROLL
        for (int m = 0; m < M; ++m) sum[m] = V::template splat<T, N>(T(0));
        const auto* column = right.p + c * (R == stepping::unit ? 1 : column_step);
        for (index k = share; k < depth; k += shares) {
          const value y = V::template load<DR, R, N>(column + k * right.step_k, column_step, count);
          FUSE_UNROLL
          for (int m = 0; m < M; ++m) {
            if (m >= taken) break;
            const T x = values::widen<DL>(left.p[(i + m) * left.step_i + k * left.step_k]);
            sum[m] = V::template multiply_add<T, N>(V::template splat<T, N>(x), y, sum[m]);
          }
        }
        FUSE_UNROLL
        for (int m = 0; m < M; ++m) {
          if (m >= taken) break;
          if (shares > 1) {
            FUSE_UNROLL
            for (int j = 0; j < N; ++j) parts[j * part_plane(b.size(), N) + b.rank()] = lane_of<V>(sum[m], j);
            break;
          }
          V::template store<dtype_for<T>, stepping::unit, N>(out + (i + m) * out_step + c, 1, sum[m], count);
        }
      }
    }
    if (shares > 1) {
      b.sync();
      for (index c = b.rank(); c < columns; c += b.size()) {  // in a fixed order
        const T* part = parts + c % N * part_plane(b.size(), N) + c / N;
        T s = part[0];
        for (int q = 1; q < shares; ++q) s += part[q * packs];
        out[i * out_step + c] = s;
      }
      b.sync();
    }
  }
}

}  // namespace products

/// The product of step S for `rows` rows from the place on and `columns` columns from `column` on, into out.
/// Axis `row_axis` is the one its rows run along (-1: a single row).
FUSE_UNCHECKED
template <class P, int S, int N, block B, class T>
FUSE_HD void run_product(const B& b, const typename P::arguments& a, const row_place<P>& place, int row_axis,
                         index rows, index column, index columns, T* out, index out_step) {
  constexpr int left = P::step[S].in[0], right = P::step[S].in[1];
  constexpr access_code l = P::access[left], r = P::access[right];
  using namespace products;
  const index depth = length<P, P::contraction>(a);
  const auto* x = reinterpret_cast<const stored_type_of<l.type>*>(a.base[left]) + place.at[left];
  const auto* y = reinterpret_cast<const stored_type_of<r.type>*>(a.base[right]) + place.at[right] +
                  column * a.step[right][P::outer];
  const index row_step = row_axis < 0 ? 0 : a.step[left][row_axis];
  if constexpr (r.contraction == stepping::unit) {
    constexpr stepping along = l.contraction == stepping::none ? stepping::strided : l.contraction;
    dot<N>(b, matrix<l.type, along>{x, row_step, a.step[left][P::contraction]},
           matrix<r.type, stepping::unit>{y, a.step[right][P::outer], 1}, rows, columns, depth, out, out_step);
  } else {
    constexpr stepping across = r.inner == stepping::unit ? stepping::unit : stepping::strided;
    outer<(across == stepping::unit ? N : 1), across>(
        b, matrix<l.type, stepping::strided>{x, row_step, a.step[left][P::contraction]},
        matrix<r.type, stepping::strided>{y, 0, a.step[right][P::contraction]}, a.step[right][P::outer], rows, columns,
        depth, out, out_step, static_cast<T*>(nullptr));
  }
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// Axis lengths, static or dynamic: extents<dyn, 4096> is a row-major shape whose first length is known at run time.
#pragma once
#include <fuse/config.hpp>
#include <utility>

namespace fuse {

inline constexpr index dyn = -1;  // an extent known at run time
inline constexpr int max_rank = 6;

template <index... E>
struct extents {
  static constexpr int rank = sizeof...(E);
  static constexpr index static_extent(int axis) {
    constexpr index e[] = {E..., 0};
    return e[axis];
  }
  static_assert(rank <= max_rank, "fuse::extents: a tensor has at most 6 axes");
  static_assert(((E >= dyn) && ...), "fuse::extents: an extent is fuse::dyn or not negative");
};

/// A shape as a value, for computing shapes in constant expressions.
struct shape {
  int rank = 0;
  index extent[max_rank]{};

  constexpr void push(index e) { extent[rank++] = e; }
  constexpr bool operator==(const shape&) const = default;
};

template <class E>
inline constexpr shape shape_of = [] {
  shape s;
  for (int i = 0; i < E::rank; ++i) s.push(E::static_extent(i));
  return s;
}();

namespace shapes {
template <int Rank, index A, index B, index C, index D, index E, index F>
struct to_extents;
template <index A, index B, index C, index D, index E, index F>
struct to_extents<0, A, B, C, D, E, F> {
  using type = extents<>;
};
template <index A, index B, index C, index D, index E, index F>
struct to_extents<1, A, B, C, D, E, F> {
  using type = extents<A>;
};
template <index A, index B, index C, index D, index E, index F>
struct to_extents<2, A, B, C, D, E, F> {
  using type = extents<A, B>;
};
template <index A, index B, index C, index D, index E, index F>
struct to_extents<3, A, B, C, D, E, F> {
  using type = extents<A, B, C>;
};
template <index A, index B, index C, index D, index E, index F>
struct to_extents<4, A, B, C, D, E, F> {
  using type = extents<A, B, C, D>;
};
template <index A, index B, index C, index D, index E, index F>
struct to_extents<5, A, B, C, D, E, F> {
  using type = extents<A, B, C, D, E>;
};
template <index A, index B, index C, index D, index E, index F>
struct to_extents<6, A, B, C, D, E, F> {
  using type = extents<A, B, C, D, E, F>;
};
}  // namespace shapes
/// The extents type of a shape value.
template <shape S>
using extents_from = typename shapes::to_extents<S.rank, S.extent[0], S.extent[1], S.extent[2], S.extent[3],
                                                 S.extent[4], S.extent[5]>::type;

/// NumPy's rule for two aligned lengths: equal, or one of them 1. A dynamic length never broadcasts: it must equal the
/// other (checked at run time); static 1 broadcasts. -2 where they cannot agree.
constexpr index broadcast_extent(index a, index b) {
  if (a == b) return a;
  if (a == 1) return b;
  if (b == 1) return a;
  if (a == dyn) return b;
  if (b == dyn) return a;
  return -2;
}

/// The broadcast of two shapes, aligned at the last axis; an impossible axis has extent -2.
constexpr shape broadcast(const shape& a, const shape& b) {
  shape r;
  r.rank = a.rank > b.rank ? a.rank : b.rank;
  for (int i = 1; i <= r.rank; ++i) {
    const index x = i <= a.rank ? a.extent[a.rank - i] : 1, y = i <= b.rank ? b.extent[b.rank - i] : 1;
    r.extent[r.rank - i] = broadcast_extent(x, y);
  }
  return r;
}
/// Two lengths that had to agree; compared in a static assertion, the compiler prints them.
struct conflict {
  index left = 0, right = 0;
  constexpr explicit operator bool() const { return left != right; }
};
/// The last axis along which two shapes do not broadcast.
constexpr conflict conflict_of(const shape& a, const shape& b) {
  for (int i = 1; i <= a.rank && i <= b.rank; ++i) {
    const conflict c{a.extent[a.rank - i], b.extent[b.rank - i]};
    if (broadcast_extent(c.left, c.right) == -2) return c;
  }
  return {};
}
constexpr bool is_valid(const shape& s) {
  for (int i = 0; i < s.rank; ++i)
    if (s.extent[i] < dyn) return false;
  return true;
}

}  // namespace fuse

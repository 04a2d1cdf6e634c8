// SPDX-License-Identifier: Apache-2.0
// view<T, extents>: a tensor in memory that someone else owns. Row-major unless its layout says strided.
#pragma once
#include <array>
#include <fuse/error.hpp>
#include <fuse/tensor/dtype.hpp>
#include <fuse/tensor/extents.hpp>

namespace fuse {

struct row_major {};  // no gaps, last axis fastest
struct strided {};    // any strides, in elements

namespace views {
[[noreturn]] inline void wrong_extent(int axis, index want, index got) {
  text t;
  t << "fuse::view: axis " << axis << ": expected the extent ";
  if (want == dyn)
    t << "to be at least 0";
  else
    t << want;
  throw error(error_category::extents, t << ", got " << got);
}
/// What a tensor takes at most: more than machines address, and so little that no size computed from the sizes of the
/// tensors of a call overflows.
inline constexpr index most_bytes = index(1) << 48;

/// function: of whose call the tensor is an intermediate, if it is one.
[[noreturn]] inline void too_large(const index* lengths, int rank, int element_size, const char* function = nullptr) {
  text t = "fuse";
  if (function) t << "::" << function;
  t << ": no memory holds a tensor of ";
  for (int i = 0; i < rank; ++i) t << (i ? " x " : "") << lengths[i];
  throw error(error_category::memory, t << " elements of " << element_size << " bytes (2^48 bytes at most)");
}
/// Do so many elements take more than most_bytes? Axes of length 0 count as 1: strides are products of the others.
constexpr bool is_too_large(const index* lengths, int rank, int element_size) {
  double bytes = element_size;
  for (int i = 0; i < rank; ++i) bytes *= lengths[i] > 1 ? double(lengths[i]) : 1;
  return bytes > double(most_bytes);
}
/// Do strided elements reach further than that?
constexpr bool reach_too_far(const index* lengths, const index* strides, int rank, int element_size) {
  double reach = 0;
  for (int i = 0; i < rank; ++i) {
    const double step = double(strides[i]);
    if (lengths[i] > 1) reach += double(lengths[i] - 1) * (step < 0 ? -step : step);
  }
  return reach * element_size > double(most_bytes);
}
/// Checks run-time lengths against the static ones.
template <class E>
constexpr void check(const std::array<index, E::rank>& lengths, int element_size) {
  for (int i = 0; i < E::rank; ++i) {
    const index want = E::static_extent(i);
    if (lengths[i] < 0 || (want != dyn && want != lengths[i])) wrong_extent(i, want, lengths[i]);
  }
  if (is_too_large(lengths.data(), E::rank, element_size)) too_large(lengths.data(), E::rank, element_size);
}
/// The lengths of a shape without dynamic axes; dynamic ones are 0.
template <class E>
constexpr std::array<index, E::rank> static_lengths() {
  std::array<index, E::rank> r{};
  for (int i = 0; i < E::rank; ++i) r[i] = E::static_extent(i) == dyn ? 0 : E::static_extent(i);
  return r;
}
template <int R>
constexpr index count(const std::array<index, R>& lengths) {
  index n = 1;
  for (index e : lengths) n *= e;
  return n;
}
/// Bytes of a row-major tensor of T.
template <class T, class E>
constexpr std::size_t bytes(const std::array<index, E::rank>& lengths) {
  check<E>(lengths, sizeof(T));
  return static_cast<std::size_t>(count<E::rank>(lengths)) * sizeof(T);
}
}  // namespace views

template <class E>
inline constexpr bool all_static = [] {
  for (int i = 0; i < E::rank; ++i)
    if (E::static_extent(i) == dyn) return false;
  return true;
}();

/// A tensor in memory of someone else. T may be const; E: extents; L: row_major or strided.
template <class T, class E, class L = row_major>
class view {
  static_assert(element<T>,
                "fuse::view: the element type is one of bool, (u)int8, int32, int64, f16, bf16, float, double");

 public:
  using element_type = T;
  using extents_type = E;
  using layout_type = L;
  static constexpr int rank = E::rank;
  static constexpr bool is_row_major = std::is_same_v<L, row_major>;
  using lengths = std::array<index, rank>;

  constexpr view() = default;
  /// All lengths static.
  constexpr explicit view(T* data) requires(is_row_major&& all_static<E>) : data_(data) { check(); }
  constexpr view(T* data, const lengths& extents) requires is_row_major : data_(data), extents_(extents) { check(); }
  constexpr view(T* data, const lengths& extents, const lengths& strides) requires(!is_row_major)
      : data_(data), extents_(extents), strides_(strides) {
    check();
    if (views::reach_too_far(extents.data(), strides.data(), rank, sizeof(T)))
      views::too_large(extents.data(), rank, sizeof(T));
  }
  /// To const elements, or to the same tensor with fewer static lengths.
  template <class U, class F>
  requires(std::is_convertible_v<U (*)[], T (*)[]>&& F::rank == rank) constexpr view(const view<U, F, L>& o)
      : data_(o.data()), extents_(o.extents()), strides_(o.strides()) {
    check();
  }

  constexpr T* data() const { return data_; }
  constexpr const lengths& extents() const { return extents_; }
  constexpr index extent(int axis) const { return extents_[axis]; }
  constexpr index size() const { return views::count<rank>(extents_); }
  /// In elements; of a row-major view they follow from the extents.
  constexpr lengths strides() const {
    if constexpr (is_row_major) {
      lengths r{};
      index step = 1;
      for (int i = rank - 1; i >= 0; --i) r[i] = step, step *= extents_[i];
      return r;
    } else {
      return strides_;
    }
  }

 private:
  constexpr void check() const { views::check<E>(extents_, sizeof(T)); }
  T* data_ = nullptr;
  lengths extents_ = views::static_lengths<E>();
  struct none {
    constexpr none() = default;
    constexpr none(const lengths&) {}
  };
  [[no_unique_address]] std::conditional_t<is_row_major, none, lengths> strides_{};
};

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// Padded arguments of a graphed function: memory of their bucket's length, filled before every call.
#pragma once
#include <fuse/runtime/buckets.hpp>
#include <fuse/runtime/inputs.hpp>
#include <fuse/runtime/replayed.hpp>

namespace fuse::runtime {

template <class T>
inline constexpr bool is_padded = false;
template <class V>
inline constexpr bool is_padded<padded_t<V>> = true;

/// What the padded arguments of a call have in common; -1: there was none yet.
struct padded_lengths {
  index given = -1, bucket = -1;
};

template <class Executor>
class padding {
 public:
  padding(Executor& executor, const buckets& lengths) : executor_(executor), lengths_(lengths) {}

  /// An argument with the extents that the graph sees.
  template <class A>
  auto stretched(const A& a) const {
    if constexpr (is_padded<A>) {
      auto extents = a.view.extents();
      extents[0] = lengths_(extents[0]);
      return decltype(a.view)(a.view.data(), extents);
    } else {
      return as_view(a);
    }
  }
  /// The same, in memory of the bucket's length where it is shorter. place: its number among the arguments.
  template <class A>
  auto room_for(std::size_t place, const A& a) {
    const auto view = stretched(a);
    if constexpr (is_padded<A>) {
      if (a.view.extents()[0] == view.extents()[0]) return view;
      const std::size_t bytes = bytes_of(view);
      if (memory_.size() <= place) memory_.resize(place + 1);
      auto& [memory, have] = memory_[place];
      if (have < bytes) {
        memory = buffer{};
        have = 0;
        memory = executor_.allocate(bytes);
        have = bytes;
      }
      return decltype(a.view)(static_cast<decltype(a.view.data())>(memory.data()), view.extents());
    } else {
      return view;
    }
  }
  /// The same, with the argument's rows in it, and then zeros.
  template <class A>
  auto fill(std::size_t place, const A& a, padded_lengths& lengths) {
    const auto view = room_for(place, a);
    if constexpr (is_padded<A>) {
      const index n = a.view.extents()[0], m = view.extents()[0];
      if (lengths.given >= 0 && (lengths.given != n || lengths.bucket != m))
        throw error(error_category::extents, text("fuse::graphed: padded arguments have the lengths ")
                                                 << lengths.given << " and " << n << ": expected one length for all");
      lengths = {n, m};
      if (n == m) return view;
      char* to = static_cast<char*>(memory_[place].memory.data());
      const std::size_t used = bytes_of(a.view);
      if (used > 0) executor_.copy("padding", to, reinterpret_cast<const char*>(a.view.data()), used);
      executor_.clear(to + used, bytes_of(view) - used);
    }
    return view;
  }

 private:
  template <class V>
  static std::size_t bytes_of(const V& view) {
    return static_cast<std::size_t>(view.size()) * sizeof(*view.data());
  }

  Executor& executor_;
  const buckets& lengths_;
  struct memory_t {
    buffer memory;
    std::size_t bytes = 0;
  };
  std::vector<memory_t> memory_;  // by argument
};

/// A result without the rows that padding made.
template <class V>
replayed<V> narrowed(const replayed<V>& r, const padded_lengths& lengths) {
  if constexpr (V::is_row_major && V::rank > 0) {
    if constexpr (V::extents_type::static_extent(0) < 0) {
      const V view = r.view();
      auto extents = view.extents();
      if (extents[0] == lengths.bucket) extents[0] = lengths.given;
      return r.narrowed(V(view.data(), extents));
    }
  }
  return r;
}

}  // namespace fuse::runtime

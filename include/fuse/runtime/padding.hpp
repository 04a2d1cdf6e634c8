// SPDX-License-Identifier: Apache-2.0
// Padded arguments of a graphed function: memory of their bucket's length, filled before every call.
#pragma once
#include <fuse/runtime/buckets.hpp>
#include <fuse/runtime/inputs.hpp>
#include <fuse/runtime/replayed.hpp>

namespace fuse {

/// A row-major argument whose leading axis is padded with zeros to the next bucket of the graphed function, which sees
/// constant elements. Results whose leading axis has the padded length are cut back. The function must not let rows see
/// each other.
template <class V>
struct padded_t {
  V view;
};
template <class X>
auto padded(const X& x) {
  const auto make = []<class T, class E, class L>(const view<T, E, L>& v) {
    static_assert(std::is_same_v<L, row_major> && E::rank > 0,
                  "fuse::padded: expected a row-major tensor of rank 1 or more");
    static_assert(E::rank == 0 || E::static_extent(0) < 0,
                  "fuse::padded: the leading axis has a static extent, which cannot be padded (make it fuse::dyn)");
    return padded_t<view<const T, E, L>>{v};
  };
  return make(runtime::as_view(x));
}

namespace runtime {

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
  /// alignment: of the addresses that graphs see.
  padding(Executor& executor, const buckets& lengths, int alignment)
      : executor_(executor), lengths_(lengths), alignment_(static_cast<std::uintptr_t>(alignment)) {}

  /// An argument as it was given.
  template <class A>
  static auto plain(const A& a) {
    if constexpr (is_padded<A>)
      return a.view;
    else
      return as_view(a);
  }
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
  /// An argument with another length than its bucket's.
  template <class A>
  auto of_another_length(const A& a) const {
    auto view = stretched(a);
    if constexpr (is_padded<A>) {
      auto extents = view.extents();
      extents[0] += extents[0] > 1 ? -1 : 1;
      return decltype(view)(view.data(), extents);
    } else {
      return view;
    }
  }
  /// The same, in memory of the bucket's length where it is shorter, or not aligned as that is. place: its number among
  /// the arguments.
  template <class A>
  auto room_for(std::size_t place, const A& a) {
    const auto view = stretched(a);
    if constexpr (is_padded<A>) {
      if (fits(a)) return view;
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
  /// The bucket of a call's padded arguments.
  template <class Given>
  index bucket_of(const Given& given) const {
    index longest = 0;
    auto look = [&](const auto& a) {
      if constexpr (is_padded<std::remove_cvref_t<decltype(a)>>) longest = lengths_(a.view.extents()[0]);
    };
    std::apply([&](const auto&... a) { (look(a), ...); }, given);
    return longest;
  }
  /// Results must not lie in padded arguments x: their memory may be that of the padding. `given`: what was padded.
  template <class Results, class Given, class... X>
  static void check_results(const Results& results, const Given& given, const X&... x) {
    map_results(results, [&](const auto& r) {
      const auto at = reinterpret_cast<std::uintptr_t>(r.view().data());
      auto look = [&](const auto& a, const auto& padded) {
        if constexpr (is_padded<std::remove_cvref_t<decltype(a)>>) {
          const auto begin = reinterpret_cast<std::uintptr_t>(padded.data());
          if (at >= begin && at - begin < bytes_of(padded))
            throw error(error_category::argument,
                        "fuse::graphed: the function returns a part of a padded argument, which the next call fills "
                        "again (return a copy)");
        }
      };
      std::apply([&](const auto&... a) { (look(a, x), ...); }, given);
      return r;
    });
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
      if (fits(a)) return view;
      char* to = static_cast<char*>(memory_[place].memory.data());
      const std::size_t used = bytes_of(a.view), all = bytes_of(view);
      if (used > 0) executor_.copy("padding", to, reinterpret_cast<const char*>(a.view.data()), used);
      if (used < all) executor_.clear(to + used, all - used);
    }
    return view;
  }

 private:
  template <class V>
  static std::size_t bytes_of(const V& view) {
    return static_cast<std::size_t>(view.size()) * sizeof(*view.data());
  }
  template <class A>
  bool fits(const A& a) const {
    return lengths_(a.view.extents()[0]) == a.view.extents()[0] &&
           reinterpret_cast<std::uintptr_t>(a.view.data()) % alignment_ == 0;
  }

  Executor& executor_;
  const buckets& lengths_;
  std::uintptr_t alignment_;
  struct memory_t {
    buffer memory;
    std::size_t bytes = 0;
  };
  std::vector<memory_t> memory_;  // by argument
};

/// The length of a leading axis that padding may have made, or -1.
template <class V>
index leading_length(const V& view) {
  if constexpr (V::is_row_major && V::rank > 0)
    if constexpr (V::extents_type::static_extent(0) < 0) return view.extents()[0];
  return -1;
}

/// That of each result.
template <class... V>
std::vector<index> leading_lengths(const std::tuple<replayed<V>...>& results) {
  return std::apply([](const auto&... r) { return std::vector<index>{leading_length(r.view())...}; }, results);
}
template <class V>
std::vector<index> leading_lengths(const replayed<V>& result) {
  return {leading_length(result.view())};
}
/// A result with so many rows: without those that padding made.
template <class V>
replayed<V> narrowed(const replayed<V>& r, index rows) {
  if constexpr (V::is_row_major && V::rank > 0) {
    if constexpr (V::extents_type::static_extent(0) < 0) {
      const V view = r.view();
      auto extents = view.extents();
      extents[0] = rows;
      return r.narrowed(V(view.data(), extents));
    }
  }
  return r;
}

}  // namespace runtime
}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// What one launch runs: a kernel, or several side by side that need nothing of each other.
#pragma once
#include <fuse/config.hpp>

namespace fuse {

/// A kernel with its arguments. No padding: launches that are recorded are compared byte by byte.
template <class P>
struct part {
  typename P::arguments arguments{};
  unsigned long long read_later = 0;  // its stores whose results a later launch of the call reads, a bit each
  index any = 0;                      // 0: there is nothing to compute
};

template <class P, class... Rest>
struct parts {
  part<P> first;
  parts<Rest...> rest;
  constexpr bool any() const { return first.any || rest.any(); }
};
template <class P>
struct parts<P> {
  part<P> first;
  constexpr bool any() const { return first.any; }
};
/// Parts of these programs, with zeros for arguments.
template <class... P>
parts<P...> parts_of(P...) {
  return {};
}

/// f(part) for each.
template <class P, class... Rest, class F>
void for_each_part(const parts<P, Rest...>& all, F&& f) {
  f(all.first);
  if constexpr (sizeof...(Rest) > 0) for_each_part(all.rest, f);
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// How arguments of a graphed call may be marked, and what they come down to: memory and scalars that are rebound on
// every replay, memory that stays, values that belong to the key.
#pragma once
#include <algorithm>
#include <bit>
#include <fuse/compile.hpp>
#include <fuse/exec/recorder.hpp>
#include <vector>

namespace fuse {

/// Memory that is the same in every call, such as weights: its addresses stay in the captured graph.
template <class T>
struct static_input_t {
  std::conditional_t<std::is_trivially_copyable_v<T>, const T, const T&> value;  // views are copied, tensors are not
};
template <class T>
static_input_t<T> static_input(const T& x) {
  return {x};
}
template <class T>
requires(!std::is_trivially_copyable_v<T>) static_input_t<T> static_input(const T&&)
= delete;  // it would be gone

/// A value that the graphed function may look at: each value has a graph of its own.
template <class T>
struct fixed_t {
  T value;
};
template <class T>
requires std::is_trivially_copyable_v<T> fixed_t<T> fixed(T x) { return {x}; }

namespace runtime {

template <class T>
inline constexpr bool is_static_input = false;
template <class T>
inline constexpr bool is_static_input<static_input_t<T>> = true;
template <class T>
inline constexpr bool is_fixed = false;
template <class T>
inline constexpr bool is_fixed<fixed_t<T>> = true;
template <class T>
inline constexpr bool is_out = false;
template <class... V>
inline constexpr bool is_out<out_t<V...>> = true;

template <class T>
struct view_type;
template <class T, class E, class L>
struct view_type<view<T, E, L>> {
  using type = view<T, E, L>;
};
template <class T, class E>
struct view_type<tensor<T, E>> {
  using type = view<T, E>;
};

/// A view of the same shape elsewhere.
template <class X>
auto view_at(const X& x, void* address) {
  using V = typename view_type<X>::type;
  auto* p = static_cast<typename V::element_type*>(address);
  if constexpr (V::is_row_major)
    return V(p, x.extents());
  else
    return V(p, x.extents(), x.strides());
}

/// A tensor is the same argument as a view of it.
template <class X>
decltype(auto) as_view(const X& x) {
  if constexpr (requires { x.view(); } && arguments::leaf<X>)
    return x.view();
  else
    return (x);
}

/// visit(leaf) for everything in an argument that has an address or is a scalar.
template <class A, class Visitor>
void visit(const A& a, Visitor& visitor) {
  if constexpr (is_static_input<A>) {
    arguments::for_each_leaf(a.value, [&](const auto& leaf) {
      if constexpr (arguments::leaf<std::remove_cvref_t<decltype(leaf)>>)
        visitor.stays(leaf);
      else
        visitor.fixed(arguments::bits_of(leaf));
    });
  } else if constexpr (is_fixed<A>) {
    visitor.fixed_bytes(&a.value, sizeof a.value);
  } else if constexpr (is_out<A>) {
    std::apply([&](const auto&... v) { (visitor.output(v), ...); }, a.views);
  } else if constexpr (arguments::leaf<A>) {
    visitor.memory(a);
  } else if constexpr (arguments::scalar<A>) {
    visitor.scalar(arguments::bits_of(a));
  } else {
    static_assert(arguments::structure<A>,
                  "fuse::graphed: an argument is neither a tensor, a view, a scalar, a struct of them, out(...), "
                  "static_input(...) nor fixed(...)");
    if constexpr (arguments::structure<A>)
      arguments::for_each_leaf(a, [&](const auto& leaf) {
        if constexpr (arguments::leaf<std::remove_cvref_t<decltype(leaf)>>)
          visitor.memory(leaf);
        else
          visitor.fixed(arguments::bits_of(leaf));
      });
  }
}

/// What the function is given for an argument: the same with other addresses. next() is called for each leaf that
/// visit() gave to memory, output or scalar, in the same order.
template <class A, class Next>
auto rebuild(const A& a, Next& next) {
  if constexpr (is_static_input<A> || is_fixed<A>) {
    if constexpr (arguments::leaf<std::remove_cvref_t<decltype(a.value)>>)
      return view_at(a.value, const_cast<void*>(static_cast<const void*>(a.value.data())));
    else
      return a.value;
  } else if constexpr (is_out<A>) {
    return std::apply(
        [&](const auto&... v) { return out_t<std::remove_cvref_t<decltype(v)>...>{{view_at(v, next.address())...}}; },
        a.views);
  } else if constexpr (arguments::leaf<A>) {
    return view_at(a, next.address());
  } else if constexpr (arguments::scalar<A>) {
    return rebindable<typename arguments::scalar_type<A>::type>{next.bits()};
  } else if constexpr (!arguments::structure<A>) {
    return &a;  // visit() has refused it
  } else {
    A copy = a;
    hana::for_each(hana::accessors<A>(), [&](auto accessor) {
      auto& member = hana::second(accessor)(copy);
      using member_type = std::remove_cvref_t<decltype(member)>;
      if constexpr (arguments::leaf<member_type> || arguments::structure<member_type>) member = rebuild(member, next);
    });
    return copy;
  }
}

}  // namespace runtime
}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// What a call hands over: views, tensors, scalars, and structs of them, flattened into leaves in the order in which the
// traced function's symbols are numbered.
#pragma once
#include <boost/hana/accessors.hpp>
#include <boost/hana/at.hpp>
#include <boost/hana/core/to.hpp>
#include <boost/hana/define_struct.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/length.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/string.hpp>
#include <boost/hana/tuple.hpp>
#include <fuse/error.hpp>
#include <fuse/expr/expr.hpp>
#include <fuse/tensor/tensor.hpp>

namespace fuse {

namespace hana = boost::hana;

/// Members of structs that a function takes, written once for storage and for symbols:
///   template <template <class, class> class Tensor> struct weights { BOOST_HANA_DEFINE_STRUCT(weights, …); };
/// storage is the struct of views to pass, symbol is what the traced function sees.
template <class T, class E>
using storage = view<const T, E>;
template <class T, class E>
using symbol = expr<dtype_of<T>, E>;

/// A leaf as the executors see it.
struct argument {
  void* data = nullptr;
  index extents[max_rank]{};
  index strides[max_rank]{};
  long long bits = 0;  // of a scalar: the i64, or the bits of an f64
};

/// A scalar that a captured call hands on to compiled functions: every replay has its own value, so there is none to
/// look at.
template <class T>
struct rebindable {
  long long bits;  // as in `argument`
};

namespace arguments {

template <class T>
struct scalar_type {
  using type = T;
  static constexpr bool rebound = false;
};
template <class T>
struct scalar_type<rebindable<T>> {
  using type = T;
  static constexpr bool rebound = true;
};

template <class T>
inline constexpr bool is_leaf_view = false;
template <class T, class E, class L>
inline constexpr bool is_leaf_view<view<T, E, L>> = true;
template <class T, class E>
inline constexpr bool is_leaf_view<tensor<T, E>> = true;

template <class T>
concept leaf = is_leaf_view<T>;
template <class T>
concept scalar = literal<T> || scalar_type<T>::rebound;
template <scalar T>
inline constexpr dtype dtype_of_scalar = scalars::type_of_argument<typename scalar_type<T>::type>;
template <class T>
concept structure = hana::Struct<T>::value && !leaf<T>;

template <class T>
inline constexpr bool has_too_many_axes = false;
template <leaf T>
inline constexpr bool has_too_many_axes<T> = T::rank > max_rank;

template <class T>
inline constexpr bool is_row_major = true;
template <class T, class E>
inline constexpr bool is_row_major<view<T, E, strided>> = false;

/// The symbol struct of a storage struct: the same template over `symbol`.
template <class S>
struct symbols_of;
template <template <template <class, class> class> class S, template <class, class> class Tensor>
struct symbols_of<S<Tensor>> {
  using type = S<symbol>;
};
template <template <class, template <class, class> class> class S, class T, template <class, class> class Tensor>
struct symbols_of<S<T, Tensor>> {
  using type = S<T, symbol>;
};

template <class T>
struct symbol_type;
template <leaf T>
struct symbol_type<T> {
  using type = expr<dtype_of<typename T::element_type>, typename T::extents_type>;
};
template <scalar T>
struct symbol_type<T> {
  using type = expr<dtype_of_scalar<T>, extents<>>;
};
template <structure T>
struct symbol_type<T> {
  using type = typename symbols_of<T>::type;
};

/// The symbol of one leaf, entered into the graph.
template <class Leaf>
constexpr void enter(graph_builder& g, typename symbol_type<Leaf>::type& symbol) {
  using S = typename symbol_type<Leaf>::type;
  node n;
  n.op = &argument_op;
  n.type = S::type;
  n.rank = S::rank;
  n.weak = scalar<Leaf>;
  const int number = g.new_argument();
  n.attribute = number;
  for (int i = 0; i < S::rank; ++i) {
    dim d;
    d.kind = dim::argument;
    d.value = number;
    d.a = static_cast<short>(i);
    const index e = S::extents_type::static_extent(i);
    n.dims[i] = e == dyn ? g.add(d) : g.constant_dim(e);
  }
  argument_info& info = g.arguments[number];
  info.type = S::type;
  info.rank = S::rank;
  info.scalar = scalar<Leaf>;
  info.contiguous = is_row_major<Leaf>;
  info.node = g.push(n);
  symbol.graph = &g;
  symbol.id = info.node;
}

/// All symbols of one argument, in the order of its members.
template <class T>
constexpr typename symbol_type<T>::type enter_all(graph_builder& g) {
  using S = typename symbol_type<T>::type;
  S s{};
  if constexpr (structure<T>) {
    constexpr std::size_t members = decltype(hana::length(hana::accessors<T>()))::value;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((hana::second(hana::at_c<I>(hana::accessors<S>()))(s) = enter_all<
            std::remove_cvref_t<decltype(hana::second(hana::at_c<I>(hana::accessors<T>()))(std::declval<T&>()))>>(g)),
       ...);
    }
    (std::make_index_sequence<members>{});
  } else {
    enter<T>(g, s);
  }
  return s;
}

/// f(leaf) for each leaf of an argument, in the order of the symbols.
template <class T, class F>
void for_each_leaf(const T& x, F&& f) {
  if constexpr (structure<T>) {
    hana::for_each(hana::accessors<T>(), [&](auto accessor) { for_each_leaf(hana::second(accessor)(x), f); });
  } else {
    f(x);
  }
}

/// The names of the leaves of a T passed as `name`: itself, or name.member for each member of a struct.
template <class T, class F>
void for_each_name(const text& name, F&& f) {
  if constexpr (structure<T>) {
    hana::for_each(hana::accessors<T>(), [&](auto accessor) {
      using member = std::remove_cvref_t<decltype(hana::second(accessor)(std::declval<T&>()))>;
      for_each_name<member>(text(name) << "." << hana::to<char const*>(hana::first(accessor)), f);
    });
  } else {
    f(name);
  }
}
/// The name of leaf `number` of a call whose arguments are no structs.
inline text name_of_leaf(int number) { return text("argument ") << number; }
/// The same, of arguments of the types A.
template <class... A>
text name_of_leaf(int number) {
  text found;
  int leaf = 0, position = 0;
  (for_each_name<A>(text("argument ") << position++,
                    [&](const text& name) {
                      if (leaf++ == number) found = name;
                    }),
   ...);
  return found;
}

/// A scalar as kernels are given it: the i64, or the bits of the f64.
template <scalar T>
constexpr long long bits_of(T x) {
  if constexpr (scalar_type<T>::rebound)
    return x.bits;
  else if constexpr (is_floating(dtype_of_scalar<T>))
    return __builtin_bit_cast(long long, scalars::as_double(x));
  else if (scalars::side_of(dtype::i64, x) == 0)
    return static_cast<long long>(x);
  else
    throw error(error_category::argument, text("fuse::compile: expected an integer scalar up to ")
                                              << highest_of(dtype::i64) << ", got a larger one (pass a double)");
}
template <class T>
argument describe(const T& x) {
  argument a;
  if constexpr (leaf<T>) {
    using element = std::remove_const_t<typename T::element_type>;
    a.data = const_cast<element*>(x.data());
    const auto strides = [&] {
      if constexpr (requires { x.strides(); })
        return x.strides();
      else
        return x.view().strides();
    }();
    for (int i = 0; i < T::rank; ++i) a.extents[i] = x.extents()[i], a.strides[i] = strides[i];
  } else {
    a.bits = bits_of(x);
  }
  return a;
}

/// The leaves of a call with `Count` of them.
template <int Count>
struct leaves_of {
  argument list[Count > 0 ? Count : 1];

  template <class... A>
  explicit leaves_of(const A&... a) {
    int n = 0;
    (for_each_leaf(a, [&](const auto& x) { list[n++] = describe(x); }), ...);
  }
};

}  // namespace arguments
}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// A compiled function called within another one: its body in place, so that both are planned as one.
#pragma once
#include <fuse/exec/mode.hpp>
#include <fuse/exec/traced.hpp>

namespace fuse::tracing {

/// Does a call with these arguments run: on the executor that comes first?
template <class... A>
inline constexpr bool calls = false;
template <class First, class... Rest>
inline constexpr bool calls<First&, Rest...> = executor<First>;

/// What a function sees of an argument: an expression, or a struct of them.
template <class T>
inline constexpr bool is_symbol = is_expression<T>;
template <arguments::structure T>
inline constexpr bool is_symbol<T> = std::is_same_v<typename arguments::symbols_of<T>::type, T>;

/// A number that a run-time scalar could be.
template <class T>
concept number = literal<T> && arguments::scalar<T>;

/// The symbol of an argument within a trace: itself, or a constant of the dtype that a run-time scalar would have.
template <class T>
struct symbol_within {
  using type = T;
};
template <number T>
struct symbol_within<T> : arguments::symbol_type<T> {};

template <class... A>
constexpr graph_builder* graph_within(const A&... a) {
  graph_builder* g = nullptr;
  [[maybe_unused]] auto visit = [&](const auto& x) {
    using T = std::remove_cvref_t<decltype(x)>;
    if constexpr (is_expression<T>) {
      g = x.graph;
    } else if constexpr (is_symbol<T>) {
      constexpr std::size_t members = decltype(hana::length(hana::accessors<T>()))::value;
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        g = graph_within(hana::second(hana::at_c<I>(hana::accessors<T>()))(x)...);
      }
      (std::make_index_sequence<members>{});
    }
  };
  (visit(a), ...);
  return g;
}

template <class T>
constexpr typename symbol_within<T>::type as_symbol(graph_builder& g, const T& x) {
  if constexpr (is_symbol<T>) {
    return x;
  } else {
    constexpr dtype type = symbol_within<T>::type::type;
    if constexpr (is_floating(type))
      return {&g, constant(g, type, scalars::as_double(x))};
    else
      return {&g, integer_constant(g, type, index(x))};
  }
}

/// What takes the place of the results of a call that is refused.
template <class... A>
constexpr auto refused_within(const A&... a) {
  return refused(expr<dtype::f32, extents<>>{graph_within(a...), 0});
}

/// The results of the function's body: an expression, or a tuple of them.
template <fixed_name Name, class Fn, class... A>
constexpr auto inlined(const A&... a) {
  graph_builder& g = *graph_within(a...);
  const auto run = [&] { return Fn{}(as_symbol(g, a)...); };
  using result = decltype(run());
  if constexpr (is_expression<result>) {
    return run();
  } else if constexpr (is_output<result>) {
    return [&]<class... E>(const output_pack<E...>& pack) {
      int n = 0;
      const std::tuple<E...> all{E{&g, pack.id[n++]}...};  // braces: from left to right
      if constexpr (sizeof...(E) == 1)
        return std::get<0>(all);
      else
        return all;
    }(run());
  } else {
    refuse::result<Name, result>();
    return refused_within(a...);
  }
}

}  // namespace fuse::tracing

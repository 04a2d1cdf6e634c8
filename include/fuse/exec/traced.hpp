// SPDX-License-Identifier: Apache-2.0
// A function traced: run on symbols of its arguments while the program is compiled, which gives its graph.
#pragma once
#include <fuse/exec/arguments.hpp>
#include <fuse/expr/assignment.hpp>
#include <tuple>

namespace fuse {

namespace tracing {

template <class... E>
struct output_pack {
  static constexpr int count = sizeof...(E);
  short id[count];
};

template <class T>
struct output_types;
template <dtype D, class E>
struct output_types<expr<D, E>> {
  using types = std::tuple<expr<D, E>>;
  static constexpr void enter(graph_builder& g, const expr<D, E>& e) { g.outputs[g.output_count++].node = e.id; }
};
template <class... E>
struct output_types<output_pack<E...>> {
  using types = std::tuple<E...>;
  static constexpr void enter(graph_builder& g, const output_pack<E...>& p) {
    for (short id : p.id) g.outputs[g.output_count++].node = id;
  }
};

template <class T>
inline constexpr bool is_output = is_expression<T>;
template <class... E>
inline constexpr bool is_output<output_pack<E...>> = true;

}  // namespace tracing

/// Several results of a traced function: return fuse::outputs(a, b).
template <expression... E>
constexpr auto outputs(E... e) {
  static_assert(sizeof...(E) <= max_outputs, "fuse::outputs: a function has at most 24 results");
  if constexpr (sizeof...(E) <= max_outputs)
    return tracing::output_pack<E...>{{e.id...}};
  else
    return (tracing::refused(e), ...);
}

namespace tracing {

/// The first that is true, or -1.
template <bool... B>
consteval int first_of() {
  int at = 0, first = -1;
  ((first = first < 0 && B ? at : first, ++at), ...);
  return first;
}

/// What a function returns for arguments of the types A.
template <class Fn, class... A>
using result_of = decltype(std::declval<Fn>()(std::declval<typename arguments::symbol_type<A>::type>()...));

/// Does overload resolution find nothing in Fn for these symbols? Unlike std::is_invocable it tells a function that
/// takes other arguments from one with an error in its body, of which the compiler has spoken.
struct rejected {};
template <class Fn>
struct or_rejected : Fn {
  using Fn::operator();
  rejected operator()(...) const;
};
template <class Fn, class... Symbol>
consteval bool rejects() {
  if constexpr (std::is_final_v<Fn>)
    return !std::is_invocable_v<Fn, Symbol...>;
  else if constexpr (requires { std::declval<or_rejected<Fn>>()(std::declval<Symbol>()...); })
    return std::is_same_v<decltype(std::declval<or_rejected<Fn>>()(std::declval<Symbol>()...)), rejected>;
  else
    return false;
}

/// Can a function be traced with these symbols, as far as types tell? One message if not.
template <fixed_name Name, class Fn, class... Symbol>
consteval bool accepts() {
  if constexpr (rejects<Fn, Symbol...>()) {
    refuse::call<Name, int(sizeof...(Symbol)), Symbol...>();
    return false;
  } else {
    return std::is_invocable_v<Fn, Symbol...>;
  }
}

template <class Fn, class... A>
constexpr graph_builder trace() {
  graph_builder g;
  g.constant_dim(1);  // dim 0 of every graph
  // Braces: arguments are entered from left to right.
  struct symbols : std::tuple<typename arguments::symbol_type<A>::type...> {
    using std::tuple<typename arguments::symbol_type<A>::type...>::tuple;
  };
  const symbols s{arguments::enter_all<A>(g)...};
  std::apply(
      [&](const auto&... symbol) {
        using result = decltype(Fn{}(symbol...));
        if constexpr (is_output<result>)
          output_types<result>::enter(g, Fn{}(symbol...));
        else
          static_cast<void>(Fn{}(symbol...));  // for what it refuses
      },
      static_cast<const std::tuple<typename arguments::symbol_type<A>::type...>&>(s));
  return g;
}

/// How large a traced graph is, or why there is none.
struct trace_facts {
  bool is_constant;  // else it could not be evaluated, and nothing is known
  int nodes, dims, maps, checks;
  bool refused;
  limit over;
};
template <class Fn, class... A>
constexpr trace_facts facts_of_trace() {
  const graph_builder g = trace<Fn, A...>();
  return {true, g.node_count, g.dim_count, g.map_count, g.check_count, g.refused, g.over};
}

template <class Fn, class... A>
inline constexpr trace_facts facts_of = [] {
  if constexpr (requires { typename std::bool_constant<facts_of_trace<Fn, A...>().is_constant>; })
    return facts_of_trace<Fn, A...>();
  else
    return trace_facts{};
}();

/// Of functions that have a graph.
template <class Fn, class... A>
struct traced {
  static constexpr trace_facts facts = facts_of<Fn, A...>;
  static constexpr auto graph = cut_to_size<facts.nodes, facts.dims, facts.maps, facts.checks>(trace<Fn, A...>());
};

}  // namespace tracing
}  // namespace fuse

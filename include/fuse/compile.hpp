// SPDX-License-Identifier: Apache-2.0
// compile<"name">(function): traces a pure function while the program is compiled, plans its kernels, and gives an
// object that runs them on an executor.
#pragma once
#include <fuse/exec/bind.hpp>
#include <fuse/exec/inlined.hpp>
#include <fuse/exec/mode.hpp>

namespace fuse {

/// Buffers for the results of a call, in order: f(executor, out(y, z), x).
template <class... V>
struct out_t {
  std::tuple<V...> views;
};
template <class... T>
auto out(const T&... x) {
  auto as_view = [](const auto& v) {
    if constexpr (requires { v.view(); })
      return v.view();
    else
      return v;
  };
  return out_t<decltype(as_view(x))...>{{as_view(x)...}};
}

/// The plan of a function for arguments of the types A, and outputs that are row-major except where
/// `StridedOutputs` has a bit.
template <class Fn, planning::policy How, unsigned StridedOutputs, class... A>
struct planned {
  static constexpr planning::policy how = How;
  static constexpr auto graph = [] {
    auto g = tracing::traced<Fn, A...>::graph;
    for (int o = 0; o < g.output_count; ++o) g.outputs[o].contiguous = (StridedOutputs >> o & 1u) == 0;
    return g;
  }();
  static constexpr int nodes = sizeof(graph.nodes) / sizeof(node);
  static constexpr planning::partition<nodes> plan =
      planning::partitioner<std::remove_const_t<decltype(graph)>, nodes>(graph, How).run();
  static_assert(plan.failed < 0,
                "fuse::compile: an operation of the function fits into no kernel, a mistake of the planner (compile "
                "what comes before it as a function of its own)");
  /// Kernels of one launch run side by side: to who launches them, they are one.
  static constexpr int kernels = plan.kernel_count, launches = plan.launch_count;
  /// The first kernel of a launch, which is that of the next one behind its last.
  static constexpr int first_kernel(int launch) {
    int k = 0;
    while (k < kernels && plan.launch_of[k] < launch) ++k;
    return k;
  }
  /// What messages call leaf `number` of the arguments.
  static constexpr text (*argument_name)(int) = [] {
    using names = text (*)(int);
    if constexpr ((arguments::structure<A> || ...))
      return names(arguments::name_of_leaf<A...>);
    else
      return names(arguments::name_of_leaf);
  }();
  template <int K>
  using kernel = program_of<planned, K>;  // ::k is its plan, ::type its program
};

template <fixed_name Name, class Fn>
class compiled {
  static_assert(
      std::is_empty_v<Fn>,
      "fuse::compile: the function has captures (pass run-time values as arguments; literals inside it are constants)");
  static_assert(!std::is_empty_v<Fn> || std::is_default_constructible_v<Fn>,
                "fuse::compile: the function must be a captureless lambda or a default-constructible functor");

 public:
  using function = Fn;
  static constexpr const char* name() { return Name.text; }

  /// Can the function be planned for arguments of these types? One message if not; what would follow is not compiled.
  template <class... A>
  static consteval bool check() {
    constexpr int stranger =
        tracing::first_of<!(arguments::leaf<A> || arguments::scalar<A> || arguments::structure<A>)...>();
    if constexpr (stranger >= 0) {
      refuse::argument<Name, stranger, std::tuple_element_t<stranger, std::tuple<A...>>>();
    } else if constexpr ((arguments::has_too_many_axes<A> || ...)) {  // the compiler has said so
      return false;
    } else if constexpr (usable) {
      if constexpr (tracing::accepts<Name, Fn, typename arguments::symbol_type<A>::type...>()) {
        using result = tracing::result_of<Fn, A...>;
        constexpr tracing::trace_facts facts = tracing::facts_of<Fn, A...>;
        if constexpr (facts.refused) {
          return false;
        } else if constexpr (!tracing::is_output<result>) {
          if constexpr (!std::is_same_v<result, refuse::nothing>) refuse::result<Name, result>();
        } else if constexpr (!facts.is_constant) {
          refuse::trace<Name>();
        } else if constexpr (facts.over != limit::none) {
          refuse::size<Name, facts.over>();
        } else {
          return true;
        }
      }
    }
    return false;
  }

  /// Results in new tensors of the executor's memory: one tensor, or a tuple of them.
  template <executor Executor, class... A>
  requires(!(tracing::is_symbol<A> || ...)) auto operator()(Executor& on, const A&... a) const {
    if constexpr (check<A...>()) {
      using types = types_for<A...>;
      return allocate_and_run<types>(on, std::make_index_sequence<std::tuple_size_v<types>>{}, a...);
    } else if constexpr (has_results<A...>()) {
      return refuse::value_of<typename results_of<types_for<A...>>::type>();
    } else {
      return refuse::value_of<refuse::nothing>();
    }
  }
  /// Results in the caller's buffers.
  template <executor Executor, class... V, class... A>
  void operator()(Executor& on, const out_t<V...>& out, const A&... a) const {
    if constexpr (check<A...>()) {
      if constexpr (check_outputs<types_for<A...>, V...>()) {
        constexpr unsigned strided = [] {
          unsigned bits = 0, at = 0;
          ((bits |= unsigned(!V::is_row_major) << at++), ...);
          return bits;
        }();
        const leaves_of<A...> leaves(a...);
        std::apply([&](const auto&... view) { run<strided, A...>(on, leaves.list, {arguments::describe(view)...}); },
                   out.views);
      }
    } else {
      refuse::value_of<void>();
    }
  }
  /// Within another compiled function, on expressions, structs of them and numbers: the body in place. An expression,
  /// or a tuple of them.
  template <class... A>
  requires(tracing::is_symbol<A> || ...) constexpr auto operator()(const A&... a) const {
    constexpr int stranger = tracing::first_of<!(tracing::is_symbol<A> || tracing::number<A>)...>();
    if constexpr ((executor<A> || ...)) {
      refuse::executor_within<Name, A...>();
      return tracing::refused_within(a...);
    } else if constexpr (stranger >= 0) {
      refuse::argument_within<Name, stranger, std::tuple_element_t<stranger, std::tuple<A...>>>();
      return tracing::refused_within(a...);
    } else if constexpr (!usable || !tracing::accepts<Name, Fn, typename tracing::symbol_within<A>::type...>()) {
      return tracing::refused_within(a...);
    } else {
      return tracing::inlined<Name, Fn>(a...);
    }
  }
  /// Anything else is a mistake.
  template <class... A>
  requires(!tracing::calls<A...> && !(tracing::is_symbol<std::remove_cvref_t<A>> || ...)) auto operator()(
      A&&...) const {
    refuse::executor<Name, A...>();
    return refuse::nothing{};
  }

 private:
  static constexpr bool usable = std::is_empty_v<Fn> && std::is_default_constructible_v<Fn>;
  template <class... A>
  using types_for = typename tracing::output_types<tracing::result_of<Fn, A...>>::types;

  /// Is it known what a refused call would have returned?
  template <class... A>
  static consteval bool has_results() {
    if constexpr (usable && ((arguments::leaf<A> || arguments::scalar<A> || arguments::structure<A>)&&...) &&
                  !(arguments::has_too_many_axes<A> || ...))
      if constexpr (std::is_invocable_v<Fn, typename arguments::symbol_type<A>::type...>)
        return tracing::is_output<tracing::result_of<Fn, A...>>;
    return false;
  }
  template <class E>
  using tensor_of = tensor<type_of<E::type>, typename E::extents_type>;
  template <class Types>
  struct results_of;
  template <class E>
  struct results_of<std::tuple<E>> {
    using type = tensor_of<E>;
  };
  template <class... E>
  struct results_of<std::tuple<E...>> {
    using type = std::tuple<tensor_of<E>...>;
  };

  template <class Types, class... V>
  static consteval bool check_outputs() {
    constexpr int given = sizeof...(V), returned = std::tuple_size_v<Types>;
    if constexpr (given != returned) {
      refuse::buffers<Name, given, returned>();
      return false;
    } else {
      return []<std::size_t... I>(std::index_sequence<I...>) {
        return (check_output<int(I), V, std::tuple_element_t<I, Types>>() && ...);
      }
      (std::make_index_sequence<sizeof...(V)>{});
    }
  }
  template <int Output, class V, class Result>
  static consteval bool check_output() {
    constexpr dtype type = dtype_of<typename V::element_type>;
    if constexpr (type != Result::type) {
      refuse::buffer_dtype<Name, Output, type, Result::type>();
    } else if constexpr (V::rank != Result::rank) {
      refuse::buffer_rank<Name, Output, V::rank, Result::rank>();
    } else if constexpr (std::is_const_v<typename V::element_type>) {
      refuse::constant_buffer<Name, Output>();
    } else {
      constexpr conflict met = [] {
        constexpr shape buffer = shape_of<typename V::extents_type>, result = shape_of<typename Result::extents_type>;
        conflict c;
        for (int i = 0; i < result.rank && !c; ++i)
          if (buffer.extent[i] != dyn && result.extent[i] != dyn) c = {result.extent[i], buffer.extent[i]};
        return c;
      }();
      if constexpr (met.left != met.right)
        refuse::buffer_extent<Name, Output, met.right, met.left>();
      else
        return true;
    }
    return false;
  }

  template <class... A>
  using leaves_of = arguments::leaves_of<tracing::traced<Fn, A...>::graph.argument_count>;
  template <class E, class Executor>
  static tensor_of<E> empty(Executor& executor, const short* dims, const index* length) {
    std::array<index, E::rank> n{};
    for (int i = 0; i < E::rank; ++i) n[i] = length[dims[i]];
    return {n, executor.allocate(views::bytes<type_of<E::type>, typename E::extents_type>(n))};
  }
  template <class Types, class Executor, std::size_t... I, class... A>
  typename results_of<Types>::type allocate_and_run(Executor& executor, std::index_sequence<I...>,
                                                    const A&... a) const {
    using source = planned<Fn, planning::policy::fused, 0, A...>;
    using table = binding::length_table_of<source>;
    const leaves_of<A...> leaves(a...);
    const binding::checked_lengths<source> length(name(), leaves.list);
    // Braces: from left to right.
    std::tuple<tensor_of<std::tuple_element_t<I, Types>>...> results{
        empty<std::tuple_element_t<I, Types>>(executor, table::kept.outputs[I], length.value)...};
    run<0, A...>(executor, leaves.list, {arguments::describe(std::get<I>(results))...});
    if constexpr (sizeof...(I) == 1)
      return std::move(std::get<0>(results));
    else
      return results;
  }
  template <unsigned Strided, class... A, class Executor, std::size_t Outputs>
  void run(Executor& executor, const argument* leaves, const argument (&outputs)[Outputs]) const {
    if constexpr (Executor::built_with == modes::any) {
      if (executor.current_mode() == mode::eager) {
        executor.template run<planned<Fn, planning::policy::eager, Strided, A...>>(name(), leaves, outputs);
        return;
      }
    }
    executor.template run<planned<Fn, planning::policy::fused, Strided, A...>>(name(), leaves, outputs);
  }
};

/// What compile() makes. (nvcc does not deduce Name and Fn of compiled<Name, Fn>.)
template <class F>
concept compiled_function = requires {
  typename F::function;
  F::name();
};

/// A compiled function from a captureless lambda or functor. The name appears in messages, profiles and dumps.
template <fixed_name Name, class Fn>
constexpr auto compile(Fn) {
  return compiled<Name, Fn>{};
}

/// How many kernels a call with arguments of these types launches: a constant expression, for static_assert.
template <compiled_function F, class... A>
consteval int kernel_count(const F&, const A&...) {
  if constexpr (F::template check<A...>())
    return planned<typename F::function, planning::policy::fused, 0, A...>::launches;
  else
    return -1;
}

}  // namespace fuse

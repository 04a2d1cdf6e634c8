// SPDX-License-Identifier: Apache-2.0
// A kernel as a type: a flat list of steps and accesses. Kernels are templates over it, so that a symbol grows with the
// number of steps and equal subgraphs share one kernel. (nvcc cannot name a kernel by a class-type value with arrays.)
#pragma once
#include <fuse/plan/schedule.hpp>

namespace fuse {

template <step_kind Kind, const op_info* Op, dtype Type, int A, int B, int C, index Attribute, bool Element, bool Keep,
          int Stage>
struct step_t {};
template <dtype Type, stepping Inner, stepping Contraction, stepping Column, bool Memory, bool Gathered, int Aligned>
struct access_t {};
template <int Value, int Index, int Access>
struct store_t {};
template <class... T>
struct list {};

/// What a kernel body reads of a step, an access and a store, as constants.
struct step_code {
  step_kind kind;
  dtype type;
  int in[3];
  index attribute;
  bool element, keep;
  int stage;
};
struct access_code {
  dtype type;
  stepping inner, contraction, column;
  bool memory, gathered;  // memory: not a mere coordinate
  int aligned;
};
struct store_code {
  int value, index, access;
};

/// Arguments of a kernel: lengths of the walked axes, then for each access where it starts and how far one step along
/// each axis goes (in elements). Trivially copyable; passed by value.
template <int Axes, int Accesses, int Scalars>
struct kernel_arguments {
  index extent[Axes > 0 ? Axes : 1];
  char* base[Accesses > 0 ? Accesses : 1];
  index origin[Accesses > 0 ? Accesses : 1];  // of a coordinate: its value at the start
  index step[Accesses > 0 ? Accesses : 1][Axes > 0 ? Axes : 1];
  index gathered_extent[Accesses > 0 ? Accesses : 1];  // of a gathered axis: its length, and how far one index goes
  index gathered_step[Accesses > 0 ? Accesses : 1];
  long long scalar[Scalars > 0 ? Scalars : 1];  // bits of an i64 or f64
};

template <family Family, int Outer, int Contraction, int Column, int Stages, int Scalars, int Multiple, int Contracted,
          int ContractedAccess, dtype ContractedType, class Extents, class Steps, class Accesses, class Stores>
struct program;

template <family Family, int Outer, int Contraction, int Column, int Stages, int Scalars, int Multiple, int Contracted,
          int ContractedAccess, dtype ContractedType, index... E, step_kind... K, const op_info*... Op, dtype... T,
          int... A, int... B, int... C, index... At, bool... El, bool... Ke, int... St, dtype... AT, stepping... AI,
          stepping... AK, stepping... AC, bool... AM, bool... AG, int... AA, int... SV, int... SI, int... SA>
struct program<Family, Outer, Contraction, Column, Stages, Scalars, Multiple, Contracted, ContractedAccess,
               ContractedType, std::integer_sequence<index, E...>, list<step_t<K, Op, T, A, B, C, At, El, Ke, St>...>,
               list<access_t<AT, AI, AK, AC, AM, AG, AA>...>, list<store_t<SV, SI, SA>...>> {
  static constexpr family kind = Family;
  static constexpr int outer = Outer;  // walked outer axes; the inner axis is number `outer`
  static constexpr int contraction = Contraction, column = Column, stages = Stages, scalars = Scalars;
  static constexpr int multiple =
      Multiple;  // the length of the inner axis is a multiple of it; a power of two up to 16
  static constexpr int contracted = Contracted, contracted_access = ContractedAccess;
  static constexpr dtype contracted_type = ContractedType;
  static constexpr int axes = sizeof...(E), steps = sizeof...(K), accesses = sizeof...(AT), stores = sizeof...(SV);
  static constexpr index extent[axes + 1] = {E..., dyn};
  static constexpr step_code step[steps + 1] = {{K, T, {A, B, C}, At, El, Ke, St}..., {}};
  static constexpr const op_info* op[steps + 1] = {Op..., nullptr};  // apart: device code must not hold their addresses
  static constexpr access_code access[accesses + 1] = {{AT, AI, AK, AC, AM, AG, AA}..., {}};
  static constexpr store_code store[stores + 1] = {{SV, SI, SA}..., {}};
  using arguments = kernel_arguments<axes, accesses, Scalars>;
};

namespace planning {

/// Static lengths of the axes a kernel walks: collapsed outer axes, inner, contraction, column.
template <class Graph>
constexpr void walked_extents(const Graph& g, const kernel_plan& k, index (&out)[max_axes]) {
  int n = 0;
  for (int c = 0; c < k.collapsed; ++c) {
    index product = 1;
    for (int j = k.first_axis_of[c]; j <= k.last_axis_of[c]; ++j) {
      const index e = g.length(k.dims[j]);
      product = product == dyn || e == dyn ? dyn : product * e;
    }
    out[n++] = product;
  }
  if (k.contraction >= 0) out[n++] = g.length(k.dims[k.contraction]);
  if (k.column >= 0) out[n++] = g.length(k.dims[k.column]);
}
/// The largest power of two, up to 16, that the length of the walked inner axis is a multiple of in every call.
template <class Graph>
constexpr int inner_multiple(const Graph& g, const kernel_plan& k) {
  int n = 16, known = 1;
  for (int j = k.first_axis_of[k.collapsed - 1]; j <= k.inner(); ++j) {
    index e = g.length(k.dims[j]);
    for (; e != dyn && known < n && e % 2 == 0; e = e == 0 ? 0 : e / 2) known *= 2;
  }
  return known;
}
constexpr int walked_axes(const kernel_plan& k) { return k.collapsed + (k.contraction >= 0) + (k.column >= 0); }

}  // namespace planning

/// The program type of kernel `Which` of a planned function. Source gives `static constexpr graph, plan, how`.
template <class Source, int Which>
struct program_of {
  static constexpr kernel_plan k = planning::kernel_of(Source::graph, Source::plan, Source::how, Which);
  static_assert(k.store_count > 0,
                "fuse::compile: the plan has a kernel that cannot be built, a mistake of the planner");
  struct lengths_t {
    index e[max_axes]{};
  };
  static constexpr lengths_t lengths = [] {
    lengths_t l;
    planning::walked_extents(Source::graph, k, l.e);
    return l;
  }();
  template <int... X, int... S, int... A, int... T>
  static constexpr auto make(std::integer_sequence<int, X...>, std::integer_sequence<int, S...>,
                             std::integer_sequence<int, A...>, std::integer_sequence<int, T...>) {
    return program<
        k.kind, k.collapsed - 1, (k.contraction >= 0 ? k.collapsed : -1),
        (k.column >= 0 ? planning::walked_axes(k) - 1 : -1), k.stage_count, k.scalar_count,
        planning::inner_multiple(Source::graph, k), k.contracted, k.contracted_access, k.contracted_type,
        std::integer_sequence<index, lengths.e[X]...>,
        list<step_t<k.steps[S].kind, k.steps[S].op, k.steps[S].type, k.steps[S].in[0], k.steps[S].in[1],
                    k.steps[S].in[2], k.steps[S].attribute, k.steps[S].element, k.steps[S].keep, k.steps[S].stage>...>,
        list<access_t<k.accesses[A].type, k.accesses[A].inner, k.accesses[A].contraction, k.accesses[A].column,
                      (k.accesses[A].buffer >= 0), (k.accesses[A].gathered >= 0), k.accesses[A].aligned>...>,
        list<store_t<k.stores[T].value, k.stores[T].index, k.stores[T].access>...>>{};
  }
  /// The program, by a deduced type: nvcc cannot name a kernel by a member alias of a template.
  static constexpr auto instance() {
    return make(std::make_integer_sequence<int, planning::walked_axes(k)>{},
                std::make_integer_sequence<int, k.step_count>{}, std::make_integer_sequence<int, k.access_count>{},
                std::make_integer_sequence<int, k.store_count>{});
  }
  using type = decltype(instance());
};

}  // namespace fuse

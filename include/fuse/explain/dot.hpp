// SPDX-License-Identifier: Apache-2.0
// dot(function, arguments…): the plan of a call in Graphviz's language: kernels as boxes, tensors as the arrows
// between.
#pragma once
#include <fuse/explain/explain.hpp>

namespace fuse {

namespace explaining {

/// The kernel that writes a buffer of the plan, or -1.
template <class Source>
constexpr int writer_of(int buffer) {
  for (int r = 0; r < Source::plan.root_count; ++r)
    if (Source::plan.roots[r].buffer == buffer) return Source::plan.roots[r].kernel;
  return -1;
}

template <class Source>
text in_dot(const char* name, const argument* leaves) {
  constexpr auto& g = Source::graph;
  constexpr auto& plan = Source::plan;
  const binding::checked_lengths<Source> length(name, leaves);
  text s = "digraph \"";
  s << name << "\" {\n  node [shape=box];\n";
  auto tensor = [&](int b) {  // arguments and outputs are nodes of their own
    s << "  b" << b << " [label=\"" << name_of_buffer<Source>(b) << "\\n"
      << shape<Source>(b, length) << "\", shape=plain];\n";
  };
  for (int b = 0; b < plan.buffer_count; ++b)
    if (plan.buffers[b].kind != planning::buffer_kind::temporary &&
        !(plan.buffers[b].kind == planning::buffer_kind::argument && g.arguments[b].scalar))
      tensor(b);
  auto one = [&](const kernel_plan& k, int number) {
    s << "  k" << number << " [label=\"" << name_of(k.kind);
    for (int i = 0; i < k.step_count; ++i) {
      if (k.steps[i].kind == step_kind::product)
        s << "\\nmatmul";
      else if (k.steps[i].op && k.steps[i].kind != step_kind::cast)
        s << "\\n" << k.steps[i].op->name;
    }
    s << (k.column >= 0 ? "\\nmatmul\"];\n" : "\"];\n");
    bool drawn[sizeof(plan.buffers) / sizeof(planning::buffer_info)]{};
    for (int i = 0; i < k.access_count; ++i) {
      const short b = k.accesses[i].buffer;
      if (b < 0 || drawn[b]) continue;
      drawn[b] = true;
      const int writer = writer_of<Source>(b);
      const bool temporary = plan.buffers[b].kind == planning::buffer_kind::temporary;
      if (writer == number) {
        if (!temporary) s << "  k" << number << " -> b" << b << ";\n";
      } else if (writer >= 0) {
        s << "  k" << writer << " -> k" << number << " [label=\"" << shape<Source>(b, length) << "\"];\n";
      } else {
        s << "  b" << b << " -> k" << number << ";\n";
      }
    }
  };
  [&]<int... K>(std::integer_sequence<int, K...>) { (one(Source::template kernel<K>::k, K), ...); }
  (std::make_integer_sequence<int, Source::kernels>{});
  for (int l = 0; l < Source::launches; ++l) {
    const int first = Source::first_kernel(l), end = Source::first_kernel(l + 1);
    if (end - first == 1) continue;
    s << "  subgraph cluster_" << l << " {\n    label=\"side by side\";\n   ";
    for (int k = first; k < end; ++k) s << " k" << k << ";";
    s << "\n  }\n";
  }
  return s << "}\n";
}

}  // namespace explaining

/// The plan of f for these arguments as a Graphviz digraph; dot<mode::eager> the plan with one kernel per operation.
template <mode Mode = mode::fused, compiled_function F, class... A>
text dot(const F&, const A&... a) {
  if constexpr (F::template check<A...>()) {
    using source =
        planned<typename F::function, Mode == mode::eager ? planning::policy::eager : planning::policy::fused, 0, A...>;
    return explaining::in_dot<source>(F::name(), arguments::leaves_of<source::graph.argument_count>(a...).list);
  } else {
    return text();
  }
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// explain(function, arguments…): the plan of a call in words: each kernel with what it computes, the bytes it has to
// move and the operations it performs, and why each intermediate that is stored could not stay in a kernel.
#pragma once
#include <fuse/compile.hpp>

namespace fuse {

namespace explaining {

inline text bytes(double n) {
  const char* unit[] = {"B", "KiB", "MiB", "GiB"};
  int u = 0;
  while (n >= 1024 && u < 3) n /= 1024, ++u;
  const long tenths = __builtin_lround(n * 10);
  text t;
  t << tenths / 10;
  if (u > 0) t << "." << tenths % 10;
  return t << " " << unit[u];
}

/// The elements of a node for one call.
template <class Source>
double count(const node& n, const binding::checked_lengths<Source>& length) {
  double elements = 1;
  for (int i = 0; i < n.rank; ++i) elements *= double(length[Source::graph.canonical(n.dims[i])]);
  return elements;
}

/// Dtype and lengths of a buffer of the plan.
template <class Source>
text shape(int b, const binding::checked_lengths<Source>& length) {
  const node& n = Source::graph.nodes[Source::plan.buffers[b].node];
  text s = name_of(Source::plan.buffers[b].type);
  s << "[";
  for (int i = 0; i < n.rank; ++i) s << (i ? ", " : "") << length[Source::graph.canonical(n.dims[i])];
  return s << "]";
}

/// What a buffer of the plan is called.
template <class Source>
text name_of_buffer(int b) {
  const planning::buffer_info& info = Source::plan.buffers[b];
  if (info.kind == planning::buffer_kind::argument) return Source::argument_name(b);
  if (info.kind == planning::buffer_kind::output) return text("output ") << b - Source::graph.argument_count;
  return text("%") << info.node << " " << Source::graph.nodes[info.node].op->name;
}

/// One kernel of a plan in numbers, for one call.
struct cost {
  double read = 0, written = 0;  // bytes of the distinct tensors
  double flops = 0;
};

template <class Source>
cost cost_of(const kernel_plan& k, const binding::checked_lengths<Source>& length) {
  constexpr auto& g = Source::graph;
  cost c;
  bool seen[sizeof(Source::plan.buffers) / sizeof(planning::buffer_info)]{};
  double points = 1, rows = 1, depth = k.contraction >= 0 ? double(length[k.dims[k.contraction]]) : 1;
  for (int i = 0; i < k.rank; ++i) {
    points *= double(length[k.dims[i]]);
    if (i + 1 < k.rank) rows *= double(length[k.dims[i]]);
  }
  for (int i = 0; i < k.access_count; ++i) {
    const access& a = k.accesses[i];
    if (a.buffer < 0) continue;
    bool stored = false;
    for (int s = 0; s < k.store_count; ++s) stored = stored || k.stores[s].access == i;
    if (stored) {
      c.written += (k.column >= 0               ? rows * double(length[k.dims[k.column]])
                    : a.inner == stepping::none ? rows
                                                : points) *
                   size_of(a.type);
    } else if (!seen[a.buffer]) {
      seen[a.buffer] = true;
      const double whole = count<Source>(g.nodes[Source::plan.buffers[a.buffer].node], length) * size_of(a.type);
      const double touched = points * size_of(a.type);  // a gather reads no more than one element a point
      c.read += a.gathered >= 0 && touched < whole ? touched : whole;
    }
  }
  for (int i = 0; i < k.step_count; ++i) {
    const step& s = k.steps[i];
    if (s.kind == step_kind::product)
      c.flops += 2 * points * depth;
    else if (s.op)
      c.flops += s.op->flops * (s.element || s.kind == step_kind::reduce ? points : rows);
  }
  if (k.column >= 0) c.flops += 2 * points * double(length[k.dims[k.column]]);
  return c;
}

template <class Source>
fuse::text in_words(const char* name, const argument* leaves) {
  constexpr auto& plan = Source::plan;
  const binding::checked_lengths<Source> length(name, leaves);
  fuse::text s = name;
  s << ": " << Source::launches << (Source::launches == 1 ? " kernel" : " kernels")
    << (Source::how == planning::policy::eager ? " (eager)" : "") << "\n";
  cost total;
  [&]<int... K>(std::integer_sequence<int, K...>) {
    auto one = [&](const kernel_plan& k, int number) {
      const cost c = cost_of<Source>(k, length);
      total.read += c.read, total.written += c.written, total.flops += c.flops;
      s << "  kernel " << plan.launch_of[number];
      if (const int first = Source::first_kernel(plan.launch_of[number]),
          parts = Source::first_kernel(plan.launch_of[number] + 1) - first;
          parts > 1)
        s << ", part " << number - first + 1 << " of " << parts;
      s << "  " << fuse::name_of(k.kind) << " over (";
      for (int i = 0; i < k.rank; ++i) s << (i ? ", " : "") << length[k.dims[i]];
      s << ")";
      if (k.contraction >= 0) s << " x " << length[k.dims[k.contraction]];
      s << "\n    computes";
      for (int i = 0; i < k.step_count; ++i) {
        if (k.steps[i].kind == step_kind::product)
          s << " matmul";
        else if (k.steps[i].op && k.steps[i].kind != step_kind::cast)
          s << " " << k.steps[i].op->name;
      }
      if (k.column >= 0) s << " matmul";
      s << "\n    reads   ";
      bool seen[sizeof(plan.buffers) / sizeof(planning::buffer_info)]{};
      const char* comma = " ";
      for (int i = 0; i < k.access_count; ++i) {
        const short b = k.accesses[i].buffer;
        bool stored = false;
        for (int t = 0; t < k.store_count; ++t) stored = stored || k.stores[t].access == i;
        if (b < 0 || stored || seen[b]) continue;
        seen[b] = true;
        s << comma << name_of_buffer<Source>(b) << " " << shape<Source>(b, length);
        comma = ", ";
      }
      s << "\n    writes  ";
      comma = " ";
      for (int t = 0; t < k.store_count; ++t) {
        const short b = k.accesses[k.stores[t].access].buffer;
        s << comma << name_of_buffer<Source>(b) << " " << shape<Source>(b, length);
        comma = ", ";
      }
      s << "\n    moves    " << bytes(c.read) << " in, " << bytes(c.written) << " out; "
        << static_cast<long long>(c.flops) << " flops\n";
    };
    (one(Source::template kernel<K>::k, K), ...);
  }
  (std::make_integer_sequence<int, Source::kernels>{});
  for (int r = 0; r < plan.root_count; ++r) {
    const planning::root& root = plan.roots[r];
    if (plan.buffers[root.buffer].kind != planning::buffer_kind::temporary) continue;
    s << "  stored between kernels: " << name_of_buffer<Source>(root.buffer) << " "
      << shape<Source>(root.buffer, length) << ": " << planning::text_of(root.reason) << "\n";
  }
  return s << "  in all: " << bytes(total.read) << " in, " << bytes(total.written) << " out; "
           << static_cast<long long>(total.flops) << " flops\n";
}

}  // namespace explaining

/// The plan of f for these arguments in words; explain<mode::eager> the plan with one kernel per operation.
template <mode Mode = mode::fused, compiled_function F, class... A>
text explain(const F&, const A&... a) {
  if constexpr (F::template check<A...>()) {
    using source =
        planned<typename F::function, Mode == mode::eager ? planning::policy::eager : planning::policy::fused, 0, A...>;
    return explaining::in_words<source>(F::name(), arguments::leaves_of<source::graph.argument_count>(a...).list);
  } else {
    return text();
  }
}

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// One call of a compiled function, the same on every executor: check, find memory, run the kernels in order.
#pragma once
#include <fuse/compile.hpp>
#include <fuse/exec/overlap.hpp>
#include <fuse/exec/parts.hpp>

namespace fuse::session {

/// Is buffer b memory of the caller: a tensor argument or an output?
template <class Source>
constexpr bool is_given(int b) {
  const planning::buffer_info& info = Source::plan.buffers[b];
  if (info.kind == planning::buffer_kind::temporary) return false;
  return info.kind == planning::buffer_kind::output || !Source::graph.arguments[b].scalar;
}
template <class Source>
constexpr bool is_row_major(int b) {
  const auto& g = Source::graph;
  return Source::plan.buffers[b].kind == planning::buffer_kind::output ? g.outputs[b - g.argument_count].contiguous
                                                                       : g.arguments[b].contiguous;
}

/// For each buffer the first and the last launch that touches it, or -1.
template <class Source>
struct lifetimes {
  struct table {
    short first[Source::plan.buffer_count + 1], last[Source::plan.buffer_count + 1];
    short place[Source::plan.buffer_count + 1];  // of a temporary
    int places = 0;
  };
  static constexpr table of = [] {
    constexpr auto& plan = Source::plan;
    table t{};
    for (int b = 0; b <= plan.buffer_count; ++b) t.first[b] = t.last[b] = t.place[b] = -1;
    auto touch = [&](short b, short launch) {
      if (b < 0) return;
      if (t.first[b] < 0) t.first[b] = launch;
      t.last[b] = launch;
    };
    [&]<int... K>(std::integer_sequence<int, K...>) {
      auto visit = [&](const kernel_plan& k, short number) {
        for (int i = 0; i < k.access_count; ++i) touch(k.accesses[i].buffer, number);
        for (int s = 0; s < k.store_count; ++s) {  // a scatter copies its target first
          const short from = plan.buffers[k.accesses[k.stores[s].access].buffer].copied_from;
          if (from >= 0) touch(plan.state[from].buffer, number);
        }
      };
      (visit(Source::template kernel<K>::k, plan.launch_of[K]), ...);
    }
    (std::make_integer_sequence<int, Source::kernels>{});

    // Temporaries that are never needed at once share a place; those of one shape first.
    int holder[Source::plan.buffer_count + 1]{};  // of each place: the temporary that it was given to last
    for (int launch = 0; launch < Source::launches; ++launch) {
      for (int b = 0; b < plan.buffer_count; ++b) {
        if (plan.buffers[b].kind != planning::buffer_kind::temporary || plan.buffers[b].node < 0 ||
            t.first[b] != launch)
          continue;
        int chosen = -1;
        for (int p = 0; p < t.places; ++p) {
          if (t.last[holder[p]] >= launch) continue;
          const node &x = Source::graph.nodes[plan.buffers[b].node],
                     &y = Source::graph.nodes[plan.buffers[holder[p]].node];
          bool same = x.rank == y.rank && x.type == y.type;
          for (int i = 0; i < x.rank && same; ++i) same = x.dims[i] == y.dims[i];
          if (chosen < 0 || same) chosen = p;
          if (same) break;
        }
        if (chosen < 0) chosen = t.places++;
        holder[chosen] = b;
        t.place[b] = static_cast<short>(chosen);
      }
    }
    return t;
  }();
};
/// Which stores of kernel K, a bit each, write what a later kernel of the plan reads.
template <class Source, int K>
constexpr unsigned stores_read_later() {
  constexpr const kernel_plan& k = Source::template kernel<K>::k;
  unsigned bits = 0;
  for (int s = 0; s < k.store_count; ++s)
    if (lifetimes<Source>::of.last[k.accesses[k.stores[s].access].buffer] > Source::plan.launch_of[K]) bits |= 1u << s;
  return bits;
}

template <class P>
part<P> part_for(P) {
  return {};
}

/// Does a scatter of the plan begin with a copy of its target?
template <class Source>
constexpr bool copies_targets() {
  for (int b = 0; b < Source::plan.buffer_count; ++b)
    if (Source::plan.buffers[b].copied_from >= 0) return true;
  return false;
}

/// Checks a call and launches the kernels of its plan in order. Nothing runs if anything is wrong.
template <class Source, class Executor>
void run(Executor& executor, const char* name, const argument* arguments, const argument* outputs) {
  constexpr auto& g = Source::graph;
  constexpr auto& plan = Source::plan;
  const binding::lengths_of<Source> length(g, arguments);
  binding::check_lengths<Source>(name, length);

  binding::memory buffers[plan.buffer_count + 1];
  constexpr auto& lifetime = lifetimes<Source>::of;
  index place_bytes[lifetime.places + 1]{};
  for (int b = 0; b < plan.buffer_count; ++b) {
    const planning::buffer_info& info = plan.buffers[b];
    if (info.node < 0) continue;
    const node& n = g.nodes[info.node];
    binding::memory& m = buffers[b];
    m.rank = n.rank;
    const bool is_output = info.kind == planning::buffer_kind::output;
    const argument* given = info.kind == planning::buffer_kind::argument ? &arguments[b]
                            : is_output                                  ? &outputs[b - g.argument_count]
                                                                         : nullptr;
    if (given) {
      m.data = static_cast<char*>(given->data);
      for (int i = 0; i < n.rank; ++i) m.extents[i] = given->extents[i], m.strides[i] = given->strides[i];
      for (int i = 0; i < n.rank && is_output; ++i)
        if (given->extents[i] != length[g.canonical(n.dims[i])])
          throw error(error_category::extents, text("fuse::")
                                                   << name << ": output " << b - g.argument_count << ": axis " << i
                                                   << ": expected the extent " << length[g.canonical(n.dims[i])]
                                                   << ", got " << given->extents[i]);
    } else {
      for (int i = 0; i < n.rank; ++i) m.extents[i] = length[g.canonical(n.dims[i])];
      binding::set_row_major(m);
    }
    binding::set_bytes(m, size_of(n.type));
    if (!given) {
      if (const short p = lifetime.place[b]; p >= 0 && m.bytes > place_bytes[p]) place_bytes[p] = m.bytes;
    } else if (is_given<Source>(b)) {
      auto which = [&] {
        return text("fuse::") << name << ": "
                              << (is_output ? text("output ") << b - g.argument_count : Source::argument_name(b));
      };
      if (!m.data && m.bytes > 0)
        throw error(error_category::argument,
                    which() << ": the pointer is null: expected memory of " << m.bytes << " bytes");
      if (m.data && reinterpret_cast<std::uintptr_t>(m.data) % size_of(n.type) != 0)
        throw error(error_category::argument,
                    which() << ": the pointer is not aligned to its element size of " << size_of(n.type) << " bytes");
      if (m.bytes > 0) executor.check_pointer(which, m.data);
    }
  }
  check_overlap<Source>(name, buffers);

  index arena = 0, place_at[lifetime.places + 1]{};
  for (int p = 0; p < lifetime.places; ++p) {
    place_at[p] = arena;
    arena += (place_bytes[p] + 255) / 256 * 256;
  }
  // Kernels of some executors need rows that start at multiples of 16 bytes: what does not is copied to where it does.
  index staged[plan.buffer_count + 1];
  for (int b = 0; b < plan.buffer_count; ++b) {
    staged[b] = -1;
    if constexpr (requires { Executor::alignment; }) {
      const binding::memory& m = buffers[b];
      const bool given = is_given<Source>(b), whole = given && is_row_major<Source>(b);
      if (!whole || m.bytes == 0 || reinterpret_cast<std::uintptr_t>(m.data) % Executor::alignment == 0) continue;
      staged[b] = arena;
      arena += (m.bytes + 255) / 256 * 256;
    }
  }

  char* base = arena > 0 ? executor.workspace(static_cast<std::size_t>(arena)) : nullptr;
  for (int b = 0; b < plan.buffer_count; ++b)
    if (lifetime.place[b] >= 0) buffers[b].data = base + place_at[lifetime.place[b]];
  char* original[plan.buffer_count + 1];
  for (int b = 0; b < plan.buffer_count; ++b) {
    original[b] = buffers[b].data;
    if (staged[b] < 0) continue;
    buffers[b].data = base + staged[b];
    if (plan.buffers[b].kind == planning::buffer_kind::argument)
      executor.copy(name, buffers[b].data, original[b], static_cast<std::size_t>(buffers[b].bytes));
  }

  // A kernel that finds no memory must not find out when an earlier one has written.
  if constexpr (Source::kernels > 1 || copies_targets<Source>()) {
    [&]<int... K>(std::integer_sequence<int, K...>) {
      auto one = [&](auto which) {
        using kernel_source = typename Source::template kernel<decltype(which)::value>;
        if (kernel_source::k.kind == family::map || binding::is_empty<kernel_source::k>(g, length)) return;
        typename kernel_source::type::arguments a{};
        binding::fill<kernel_source::k>(a, g, length, buffers, arguments);
        if constexpr (requires { executor.reserve(kernel_source::instance(), a); })
          executor.reserve(kernel_source::instance(), a);
      };
      (one(std::integral_constant<int, K>{}), ...);
    }
    (std::make_integer_sequence<int, Source::kernels>{});
  }

  // A scatter into other memory than its target's copies that first.
  auto copy_targets = [&]<int K>(std::integral_constant<int, K>) {
    constexpr const kernel_plan& kernel = Source::template kernel<K>::k;
    for (int s = 0; s < kernel.store_count; ++s) {
      const short b = kernel.accesses[kernel.stores[s].access].buffer, from = plan.buffers[b].copied_from;
      if (from < 0) continue;
      const binding::memory& target = buffers[plan.state[from].buffer];
      if (target.data != buffers[b].data && target.bytes > 0)
        executor.copy(name, buffers[b].data, target.data, static_cast<std::size_t>(target.bytes));
    }
  };
  auto part_of = [&]<int K>(std::integral_constant<int, K>) {
    using kernel_source = typename Source::template kernel<K>;
    auto p = part_for(kernel_source::instance());
    p.read_later = stores_read_later<Source, K>();
    p.any = !binding::is_empty<kernel_source::k>(g, length);
    if (p.any) binding::fill<kernel_source::k>(p.arguments, g, length, buffers, arguments);
    return p;
  };
  auto launch = [&]<int First, int... I>(std::integral_constant<int, First>, std::integer_sequence<int, I...>) {
    (copy_targets(std::integral_constant<int, First + I>{}), ...);
    const auto all = together(part_of(std::integral_constant<int, First + I>{})...);
    if (all.any()) executor.launch(name, all);
  };
  [&]<int... L>(std::integer_sequence<int, L...>) {
    (launch(std::integral_constant<int, Source::first_kernel(L)>{},
            std::make_integer_sequence<int, Source::first_kernel(L + 1) - Source::first_kernel(L)>{}),
     ...);
  }
  (std::make_integer_sequence<int, Source::launches>{});

  for (int b = 0; b < plan.buffer_count; ++b)
    if (staged[b] >= 0 && plan.buffers[b].kind == planning::buffer_kind::output)
      executor.copy(name, original[b], buffers[b].data, static_cast<std::size_t>(buffers[b].bytes));
}

}  // namespace fuse::session

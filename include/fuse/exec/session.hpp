// SPDX-License-Identifier: Apache-2.0
// One call of a compiled function, the same on every executor: check, find memory, run the kernels in order. What does
// not name a kernel is compiled once for all functions.
#pragma once
#include <fuse/exec/overlap.hpp>
#include <fuse/exec/parts.hpp>

namespace fuse::session {

/// A call while it runs.
struct call {
  const call_plan& plan;
  const char* name;
  const argument *arguments, *outputs;
  index* length;             // of each dim
  binding::memory* buffers;  // what kernels see
  index* in_arena;           // of each buffer: where it lies there, or -1
  char** original;           // of each buffer: its memory, if kernels see a copy
  index* places;             // of each place for temporaries: where it lies in the arena
};
/// What a call of a planned function keeps.
template <class Source>
struct call_memory {
  static constexpr int most = Source::plan.buffer_count + 1;
  index length[binding::length_table_of<Source>::count];
  binding::memory buffers[most];
  index in_arena[most];
  char* original[most];
  index places[call_plan_of<Source>::places + 1];
};

inline void check_output(const call& c, int b, const argument& given) {
  const buffer_table& info = c.plan.buffers[b];
  for (int i = 0; i < info.rank; ++i)
    if (given.extents[i] != c.length[info.dims[i]])
      throw error(error_category::extents, text("fuse::") << c.name << ": output " << b - c.plan.argument_count
                                                          << ": axis " << i << ": expected the extent "
                                                          << c.length[info.dims[i]] << ", got " << given.extents[i]);
}

/// @post every buffer that is given has its memory, every other its extents and bytes
template <class Executor>
void find_buffers(Executor& executor, call& c) {
  for (int b = 0; b < c.plan.buffer_count; ++b) {
    const buffer_table& info = c.plan.buffers[b];
    binding::memory& m = c.buffers[b];
    m.rank = info.rank;
    const int size = size_of(info.type);
    const argument* given = info.kind == planning::buffer_kind::argument ? &c.arguments[b]
                            : info.is_output()                           ? &c.outputs[b - c.plan.argument_count]
                                                                         : nullptr;
    if (given) {
      m.data = static_cast<char*>(given->data);
      for (int i = 0; i < info.rank; ++i) m.extents[i] = given->extents[i], m.strides[i] = given->strides[i];
      if (info.is_output()) check_output(c, b, *given);
    } else {
      for (int i = 0; i < info.rank; ++i) m.extents[i] = c.length[info.dims[i]];
      if (views::is_too_large(m.extents, m.rank, size)) views::too_large(m.extents, m.rank, size, c.name);
      binding::set_row_major(m);
    }
    binding::set_bytes(m, size);
    if (!info.given) continue;
    auto which = [&] {
      return text("fuse::") << c.name << ": "
                            << (info.is_output() ? text("output ") << b - c.plan.argument_count
                                                 : c.plan.lengths.argument_name(b));
    };
    if (!m.data && m.bytes > 0)
      throw error(error_category::argument, which()
                                                << ": the pointer is null: expected memory of " << m.bytes << " bytes");
    if (m.data && reinterpret_cast<std::uintptr_t>(m.data) % static_cast<std::uintptr_t>(size) != 0)
      throw error(error_category::argument,
                  which() << ": the pointer is not aligned to its element size of " << size << " bytes");
    if (m.bytes > 0) executor.check_pointer(which, m.data);
  }
}

/// @post every buffer has memory, and what kernels read lies where they need it
template <class Executor>
void find_memory(Executor& executor, call& c) {
  index arena = 0;
  auto take = [&](index bytes) {
    constexpr index granule = 256;
    return std::exchange(arena, arena + (bytes + granule - 1) / granule * granule);
  };
  for (int p = 0; p < c.plan.place_count; ++p) c.places[p] = 0;
  for (int b = 0; b < c.plan.buffer_count; ++b)
    if (const short p = c.plan.buffers[b].place; p >= 0 && c.buffers[b].bytes > c.places[p])
      c.places[p] = c.buffers[b].bytes;
  for (int p = 0; p < c.plan.place_count; ++p) c.places[p] = take(c.places[p]);
  for (int b = 0; b < c.plan.buffer_count; ++b)
    c.in_arena[b] = c.plan.buffers[b].place >= 0 ? c.places[c.plan.buffers[b].place] : -1;
  // Kernels of some executors need rows that start at multiples of 16 bytes: what does not is copied to where it does.
  if constexpr (requires { Executor::alignment; })
    for (int b = 0; b < c.plan.buffer_count; ++b) {
      const binding::memory& m = c.buffers[b];
      if (c.plan.buffers[b].row_major && m.bytes > 0 &&
          reinterpret_cast<std::uintptr_t>(m.data) % Executor::alignment != 0)
        c.in_arena[b] = take(m.bytes);
    }
  char* base = arena > 0 ? executor.workspace(static_cast<std::size_t>(arena)) : nullptr;
  for (int b = 0; b < c.plan.buffer_count; ++b) {
    if (c.in_arena[b] < 0) continue;
    c.original[b] = std::exchange(c.buffers[b].data, base + c.in_arena[b]);
    if (c.plan.buffers[b].given && !c.plan.buffers[b].is_output())
      executor.copy(c.name, c.buffers[b].data, c.original[b], static_cast<std::size_t>(c.buffers[b].bytes));
  }
}

/// Checks a call and finds its memory. If this throws, no kernel has run, and nothing of the caller's is written to.
template <class Executor>
void begin(Executor& executor, call& c) {
  binding::find_lengths(c.plan.lengths, c.name, c.arguments, c.length);
  binding::check_lengths(c.plan.lengths, c.name, c.length);
  find_buffers(executor, c);
  check_overlap(c.plan, c.name, c.buffers);
  find_memory(executor, c);
}
/// A scatter into other memory than its target's copies that first.
template <class Executor>
void copy_targets(Executor& executor, const call& c, const binding::kernel_table& k) {
  for (int s = 0; s < k.store_count; ++s) {
    const short target = c.plan.buffers[k.stored[s]].target;
    if (target < 0) continue;
    const binding::memory &from = c.buffers[target], &to = c.buffers[k.stored[s]];
    if (from.data != to.data && from.bytes > 0)
      executor.copy(c.name, to.data, from.data, static_cast<std::size_t>(from.bytes));
  }
}
template <class Executor>
void end(Executor& executor, const call& c) {
  for (int b = 0; b < c.plan.buffer_count; ++b)
    if (c.in_arena[b] >= 0 && c.plan.buffers[b].is_output())
      executor.copy(c.name, c.original[b], c.buffers[b].data, static_cast<std::size_t>(c.buffers[b].bytes));
}

/// Fills the arguments of kernel K of the plan, a P, which are zero so far. False where there is nothing to compute.
template <class Source, int K, class P>
bool bind(const call& c, typename P::arguments& a) {
  constexpr const binding::kernel_table& k = binding::kernel_table_of<Source, K>::table;
  static_assert(k.access_count == P::accesses && k.scalar_count == P::scalars &&
                k.collapsed + k.axes - k.rank == P::axes);
  if (binding::is_empty(k, c.length)) return false;
  binding::fill(binding::places_of(a), k, c.length, c.buffers, c.arguments);
  return true;
}
/// The kernels of one launch, of which the first is number K of the plan.
template <class Source, int K, class P, class... Rest>
void bind_parts(const call& c, parts<P, Rest...>& all) {
  all.first.read_later = stores_read_later<Source, K>();
  all.first.any = bind<Source, K, P>(c, all.first.arguments);
  if constexpr (sizeof...(Rest) > 0) bind_parts<Source, K + 1>(c, all.rest);
}
template <class Source, int K, class Executor, class P>
void reserve(Executor& executor, const call& c, P program) {
  if constexpr (P::kind != family::map && requires(typename P::arguments a) { executor.reserve(program, a); }) {
    typename P::arguments a{};
    if (bind<Source, K, P>(c, a)) executor.reserve(program, a);
  }
}
template <class Source, int First, class Executor, int... I>
void launch(Executor& executor, const call& c, std::integer_sequence<int, I...>) {
  if constexpr (call_plan_of<Source>::copies_targets)
    (copy_targets(executor, c, binding::kernel_table_of<Source, First + I>::table), ...);
  auto all = parts_of(Source::template kernel<First + I>::instance()...);
  bind_parts<Source, First>(c, all);
  if (all.any()) executor.launch(c.name, all);
}

/// Checks a call and launches the kernels of its plan in order. Nothing runs if anything is wrong.
template <class Source, class Executor>
void run(Executor& executor, const char* name, const argument* arguments, const argument* outputs) {
  call_memory<Source> m;
  call c{call_plan_of<Source>::table, name, arguments, outputs, m.length, m.buffers, m.in_arena, m.original, m.places};
  begin(executor, c);
  // A kernel that finds no memory must not find out when an earlier one has written.
  if constexpr (Source::kernels > 1 || call_plan_of<Source>::copies_targets)
    [&]<int... K>(std::integer_sequence<int, K...>) {
      (reserve<Source, K>(executor, c, Source::template kernel<K>::instance()), ...);
    }
  (std::make_integer_sequence<int, Source::kernels>{});
  [&]<int... L>(std::integer_sequence<int, L...>) {
    (launch<Source, Source::first_kernel(L)>(
         executor, c, std::make_integer_sequence<int, Source::first_kernel(L + 1) - Source::first_kernel(L)>{}),
     ...);
  }
  (std::make_integer_sequence<int, Source::launches>{});
  end(executor, c);
}

}  // namespace fuse::session

// SPDX-License-Identifier: Apache-2.0
// From a plan and the arguments of one call to what the kernels need: lengths, addresses, strides. Plans are tables
// here, without their types: what binds one call binds all.
#pragma once
#include <fuse/exec/arguments.hpp>
#include <fuse/kernel/program.hpp>

namespace fuse::binding {

/// The lengths of a function, and what it needs of them.
struct length_table {
  const dim* dims;
  const dim_check* checks;
  int dim_count, check_count;
  text (*argument_name)(int);
};

/// A product of lengths. More than a tensor holds would wrap around, and look like the length of a small one.
inline index product_of(const char* name, index a, index b) {
  if (double(a) * double(b) > double(views::most_bytes))
    throw error(error_category::memory, text("fuse::") << name << ": no memory holds a tensor with an axis of " << a
                                                       << " x " << b << " elements");
  return a * b;
}

/// @post value[d] is the length of each dim d, for one call
inline void find_lengths(const length_table& t, const char* name, const argument* arguments, index* value) {
  for (int i = 0; i < t.dim_count; ++i) {
    const dim& d = t.dims[i];
    switch (d.kind) {
      case dim::constant:
        value[i] = d.value;
        break;
      case dim::argument:
        value[i] = arguments[d.value].extents[d.a];
        break;
      case dim::sum:
        value[i] = value[d.a] + value[d.b];
        break;
      case dim::difference:
        value[i] = value[d.a] - value[d.b];
        break;
      case dim::product:
        value[i] = product_of(name, value[d.a], value[d.b]);
        break;
      case dim::quotient:
        value[i] = value[d.b] > 0 ? value[d.a] / value[d.b] : 0;
        break;
    }
  }
}

/// Where a length comes from, in words.
inline text describe(const length_table& t, int d) {
  const dim& x = t.dims[d];
  if (x.kind == dim::argument) return text("axis ") << x.a << " of " << t.argument_name(static_cast<int>(x.value));
  if (x.kind == dim::constant) return "a constant of the function";
  return "computed in the function";
}

/// Throws unless the lengths of a call are what the function needs.
inline void check_lengths(const length_table& t, const char* name, const index* length) {
  for (int i = 0; i < t.check_count; ++i) {
    const dim_check& c = t.checks[i];
    if (c.b < 0) {
      if (length[c.a] < 0)
        throw error(error_category::extents, text("fuse::") << name << ": " << c.where << " reaches " << -length[c.a]
                                                            << " past the end of its axis");
    } else if (length[c.a] != length[c.b]) {
      throw error(error_category::extents,
                  text("fuse::") << name << ": " << c.where << ": extents differ: " << length[c.a] << " ("
                                 << describe(t, c.a) << ") and " << length[c.b] << " (" << describe(t, c.b) << ")");
    }
  }
}

/// The length table of a planned function.
template <class Source>
struct length_table_of {
  static constexpr auto& g = Source::graph;
  struct storage {
    dim dims[sizeof(g.dims) / sizeof(dim)];
    dim_check checks[sizeof(g.checks) / sizeof(dim_check)];
    short outputs[g.output_count + 1][max_rank];  // the dims of each, canonical
  };
  static constexpr storage kept = [] {
    storage s{};
    for (int i = 0; i < g.dim_count; ++i) s.dims[i] = g.dims[i];
    for (int i = 0; i < g.check_count; ++i) s.checks[i] = g.checks[i];
    for (int o = 0; o < g.output_count; ++o)
      for (int i = 0; i < g.nodes[g.outputs[o].node].rank; ++i)
        s.outputs[o][i] = g.canonical(g.nodes[g.outputs[o].node].dims[i]);
    return s;
  }();
  static constexpr length_table table = {kept.dims, kept.checks, g.dim_count, g.check_count, Source::argument_name};
  static constexpr int count = sizeof(kept.dims) / sizeof(dim);
};
/// The lengths of one call, checked.
template <class Source>
struct checked_lengths {
  index value[length_table_of<Source>::count];

  checked_lengths(const char* name, const argument* arguments) {
    find_lengths(length_table_of<Source>::table, name, arguments, value);
    check_lengths(length_table_of<Source>::table, name, value);
  }
  index operator[](int d) const { return value[d]; }
};

/// The memory behind a buffer of the plan.
struct memory {
  char* data = nullptr;
  int rank = 0;
  index extents[max_rank]{};
  index strides[max_rank]{};
  index before = 0;  // bytes that lie before `data`
  index bytes = 0;   // from the first to the last element
  int element_size = 0;
};

inline void set_row_major(memory& m) {
  index step = 1;
  for (int i = m.rank - 1; i >= 0; --i) m.strides[i] = step, step *= m.extents[i];
}
/// Strides may be negative or 0: the first byte then lies before `data`, or elements coincide.
inline void set_bytes(memory& m, int element_size) {
  index first = 0, last = 0;
  bool empty = false;
  for (int i = 0; i < m.rank; ++i) {
    empty = empty || m.extents[i] == 0;
    const index reach = (m.extents[i] - 1) * m.strides[i];
    (reach < 0 ? first : last) += reach;
  }
  m.element_size = element_size;
  m.before = empty ? 0 : -first * element_size;
  m.bytes = empty ? 0 : (last - first + 1) * element_size;
}

/// What the arguments of one kernel are made from. Dims are canonical.
struct kernel_table {
  const access* accesses;
  const scalar_slot* scalars;
  const short* stored;  // the buffers that it stores to
  short access_count, scalar_count, store_count;
  short rank, axes, collapsed;
  short dims[max_axes];
  short first_axis_of[max_axes], last_axis_of[max_axes];  // of each collapsed axis
  short needed[max_axes];                                 // axes of which none may have the length 0 …
  short needed_count;                                     // … lest there is nothing to store
};

/// The kernel table of kernel K of a planned function.
template <class Source, int K>
struct kernel_table_of {
  using kernel = typename Source::template kernel<K>;
  struct storage {
    access accesses[kernel::k.access_count + 1];
    scalar_slot scalars[kernel::k.scalar_count + 1];
    short stored[kernel::k.store_count + 1];
  };
  static constexpr storage kept = [] {
    constexpr auto& g = Source::graph;
    constexpr const kernel_plan& k = kernel::k;
    storage s{};
    for (int i = 0; i < k.access_count; ++i) {
      s.accesses[i] = k.accesses[i];
      for (axis_map& m : s.accesses[i].axis)
        if (m.offset_dim >= 0) m.offset_dim = g.canonical(m.offset_dim);
    }
    for (int i = 0; i < k.scalar_count; ++i) s.scalars[i] = k.scalars[i];
    for (int i = 0; i < k.store_count; ++i) s.stored[i] = k.accesses[k.stores[i].access].buffer;
    return s;
  }();
  static constexpr kernel_table table = [] {
    constexpr auto& g = Source::graph;
    constexpr const kernel_plan& k = kernel::k;
    kernel_table t{};
    t.accesses = kept.accesses, t.scalars = kept.scalars, t.stored = kept.stored;
    t.access_count = static_cast<short>(k.access_count);
    t.scalar_count = static_cast<short>(k.scalar_count);
    t.store_count = static_cast<short>(k.store_count);
    t.rank = k.rank, t.axes = k.axes, t.collapsed = k.collapsed;
    for (int i = 0; i < k.axes; ++i) t.dims[i] = g.canonical(k.dims[i]);
    for (int c = 0; c < k.collapsed; ++c)
      t.first_axis_of[c] = k.first_axis_of[c], t.last_axis_of[c] = k.last_axis_of[c];
    // A row of length 0 still has row values to store; a contraction of length 0 gives zeros.
    const bool rows = k.kind == family::row || k.kind == family::attention;
    for (int i = 0; i < k.rank - rows; ++i) t.needed[t.needed_count++] = static_cast<short>(i);
    if (k.column >= 0) t.needed[t.needed_count++] = k.column;
    return t;
  }();
};

/// The arguments of a kernel, whatever their number.
struct argument_places {
  index* extent;
  char** base;
  index *origin, *step, *gathered_extent, *gathered_step;
  long long* scalar;
  int steps_each;  // of an access
};
template <int Axes, int Accesses, int Scalars>
argument_places places_of(kernel_arguments<Axes, Accesses, Scalars>& a) {
  return {a.extent,          a.base,          a.origin, a.step[0],
          a.gathered_extent, a.gathered_step, a.scalar, sizeof a.step[0] / sizeof(index)};
}

/// Fills the arguments of one kernel. length: of each dim; buffers and arguments: of the call.
inline void fill(const argument_places& out, const kernel_table& k, const index* length, const memory* buffers,
                 const argument* arguments) {
  index extent[max_axes]{};
  for (int i = 0; i < k.axes; ++i) extent[i] = length[k.dims[i]];
  int n = 0;
  for (int c = 0; c < k.collapsed; ++c) {
    index product = 1;
    for (int j = k.first_axis_of[c]; j <= k.last_axis_of[c]; ++j) product *= extent[j];
    out.extent[n++] = product;
  }
  for (int j = k.rank; j < k.axes; ++j) out.extent[n++] = extent[j];

  for (int i = 0; i < k.access_count; ++i) {
    const access& a = k.accesses[i];
    index strides[max_rank]{}, step[max_axes]{}, origin = 0;
    if (a.buffer < 0) {
      strides[0] = 1;
    } else if (a.alias) {
      index s = 1;
      for (int d = a.rank - 1; d >= 0; --d) strides[d] = s, s *= length[a.dims[d]];
    } else {
      for (int d = 0; d < a.rank; ++d) strides[d] = buffers[a.buffer].strides[d];
    }
    for (int d = 0; d < a.rank; ++d) {
      const axis_map& m = a.axis[d];
      origin += strides[d] * (m.offset + (m.offset_dim >= 0 ? m.dim_scale * length[m.offset_dim] : 0));
      index along = strides[d] * m.scale;
      for (int j = m.first + m.count - 1; j >= m.first && m.count > 0; --j) {
        step[j] += along;
        along *= extent[j];
      }
    }
    index* to = out.step + i * out.steps_each;
    for (int c = 0; c < k.collapsed; ++c) *to++ = step[k.last_axis_of[c]];
    for (int j = k.rank; j < k.axes; ++j) *to++ = step[j];
    out.origin[i] = origin;
    out.base[i] = a.buffer < 0 ? nullptr : buffers[a.buffer].data + origin * size_of(a.type);
    if (a.gathered >= 0) {
      out.gathered_extent[i] = length[a.dims[a.gathered]];
      out.gathered_step[i] = strides[a.gathered];
    }
  }
  for (int i = 0; i < k.scalar_count; ++i)
    out.scalar[i] = k.scalars[i].is_dim ? length[k.scalars[i].which] : arguments[k.scalars[i].which].bits;
}

/// Has the kernel nothing to store?
inline bool is_empty(const kernel_table& k, const index* length) {
  for (int i = 0; i < k.needed_count; ++i)
    if (length[k.dims[k.needed[i]]] == 0) return true;
  return false;
}

}  // namespace fuse::binding

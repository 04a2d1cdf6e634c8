// SPDX-License-Identifier: Apache-2.0
// From a plan and the arguments of one call to what the kernels need: lengths, addresses, strides. Everything that can
// be wrong with a call is found here, before anything runs.
#pragma once
#include <fuse/exec/arguments.hpp>
#include <fuse/kernel/program.hpp>

namespace fuse::binding {

/// The value of every dim of a graph for one call.
template <class Graph>
struct lengths {
  index value[sizeof(Graph::dims) / sizeof(dim)];

  lengths(const Graph& g, const argument* arguments) {
    for (int i = 0; i < g.dim_count; ++i) {
      const dim& d = g.dims[i];
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
          value[i] = value[d.a] * value[d.b];
          break;
        case dim::quotient:
          value[i] = value[d.b] > 0 ? value[d.a] / value[d.b] : 0;
          break;
      }
    }
  }
  index operator[](int d) const { return value[d]; }
};

template <class Source>
using lengths_of = lengths<std::remove_const_t<decltype(Source::graph)>>;

/// Where a length comes from, in words.
template <class Source>
text describe(int d) {
  const dim& x = Source::graph.dims[d];
  if (x.kind == dim::argument)
    return text("axis ") << x.a << " of " << Source::argument_name(static_cast<int>(x.value));
  if (x.kind == dim::constant) return "a constant of the function";
  return "computed in the function";
}

template <class Source>
void check_lengths(const char* name, const lengths_of<Source>& length) {
  constexpr auto& g = Source::graph;
  for (int i = 0; i < g.check_count; ++i) {
    const dim_check& c = g.checks[i];
    if (c.b < 0) {
      if (length[c.a] < 0)
        throw error(error_category::extents, text("fuse::") << name << ": " << c.where << " reaches " << -length[c.a]
                                                            << " past the end of its axis");
    } else if (length[c.a] != length[c.b]) {
      throw error(error_category::extents, text("fuse::") << name << ": " << c.where << ": extents differ: "
                                                          << length[c.a] << " (" << describe<Source>(c.a) << ") and "
                                                          << length[c.b] << " (" << describe<Source>(c.b) << ")");
    }
  }
}

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
/// Fills the arguments of one kernel. K: its plan (a constant); A: its arguments type.
template <const kernel_plan& K, class A, class Graph>
void fill(A& out, const Graph& g, const lengths<Graph>& length, const memory* buffers, const argument* arguments) {
  index extent[max_axes]{};
  for (int i = 0; i < K.axes; ++i) extent[i] = length[g.canonical(K.dims[i])];
  int n = 0;
  for (int c = 0; c < K.collapsed; ++c) {
    index product = 1;
    for (int j = K.first_axis_of[c]; j <= K.last_axis_of[c]; ++j) product *= extent[j];
    out.extent[n++] = product;
  }
  for (int j = K.rank; j < K.axes; ++j) out.extent[n++] = extent[j];

  for (int i = 0; i < K.access_count; ++i) {
    const access& a = K.accesses[i];
    index strides[max_rank]{}, step[max_axes]{}, origin = 0;
    if (a.buffer < 0) {
      strides[0] = 1;
    } else if (a.alias) {
      index s = 1;
      for (int k = a.rank - 1; k >= 0; --k) strides[k] = s, s *= length[a.dims[k]];
    } else {
      for (int k = 0; k < a.rank; ++k) strides[k] = buffers[a.buffer].strides[k];
    }
    for (int k = 0; k < a.rank; ++k) {
      const axis_map& m = a.axis[k];
      origin += strides[k] * (m.offset + (m.offset_dim >= 0 ? m.dim_scale * length[g.canonical(m.offset_dim)] : 0));
      index along = strides[k] * m.scale;
      for (int j = m.first + m.count - 1; j >= m.first && m.count > 0; --j) {
        step[j] += along;
        along *= extent[j];
      }
    }
    int at = 0;
    for (int c = 0; c < K.collapsed; ++c) out.step[i][at++] = step[K.last_axis_of[c]];
    for (int j = K.rank; j < K.axes; ++j) out.step[i][at++] = step[j];
    out.origin[i] = origin;
    out.base[i] = a.buffer < 0 ? nullptr : buffers[a.buffer].data + origin * size_of(a.type);
    if (a.gathered >= 0) {
      out.gathered_extent[i] = length[a.dims[a.gathered]];
      out.gathered_step[i] = strides[a.gathered];
    }
  }
  for (int i = 0; i < K.scalar_count; ++i)
    out.scalar[i] = K.scalars[i].is_dim ? length[K.scalars[i].which] : arguments[K.scalars[i].which].bits;
}

/// Does any axis of the kernel's index space have the length 0, so that there is nothing to store?
template <const kernel_plan& K, class Graph>
bool is_empty(const Graph& g, const lengths<Graph>& length) {
  // A row of length 0 still has row values to store; a contraction of length 0 gives zeros.
  const int axes = K.kind == family::row || K.kind == family::attention ? K.rank - 1 : K.rank;
  for (int i = 0; i < axes; ++i)
    if (length[g.canonical(K.dims[i])] == 0) return true;
  if constexpr (K.column >= 0)
    return length[g.canonical(K.dims[K.column])] == 0;
  else
    return false;
}

}  // namespace fuse::binding

// SPDX-License-Identifier: Apache-2.0
// Frames: where each axis of a node lies in a kernel's index space, and how views change that.
#pragma once
#include <fuse/plan/kernel_plan.hpp>

namespace fuse::planning {

/// The frame of a view's operand from the frame of its result. False where the map is not affine.
/// @post operand coordinate = map(result coordinate)
template <class Graph>
constexpr bool compose(const Graph& g, const node& out, const index_map& result, index_map& operand) {
  const index_map& view = g.maps[out.attribute];
  const node& in = g.nodes[out.in[0]];
  operand = {};
  operand.rank = view.rank;
  for (int i = 0; i < view.rank; ++i) {
    const axis_map v = view.axis[i];
    axis_map m;
    m.offset = v.offset, m.dim_scale = v.dim_scale, m.offset_dim = v.offset_dim;
    if (v.count > 0) {
      const axis_map r = result.axis[v.first];
      m.first = r.first, m.count = r.count;
      m.scale = v.scale * r.scale;
      m.offset += v.scale * r.offset;
      if (r.offset_dim >= 0) {
        const index scaled = v.scale * r.dim_scale;
        if (m.offset_dim < 0) {
          m.offset_dim = r.offset_dim;
          m.dim_scale = scaled;
        } else if (m.offset_dim == r.offset_dim) {
          m.dim_scale += scaled;
          if (m.dim_scale == 0) m.offset_dim = -1;
        } else {
          return false;
        }
      }
      m.whole =
          r.whole && m.scale == 1 && m.offset == 0 && m.offset_dim < 0 && g.same_dim(in.dims[i], out.dims[v.first]);
      if (m.count == 0) m.scale = 1, m.first = -1;
    }
    operand.axis[i] = m;
  }
  return true;
}

/// The frame of a reshape's operand: axes that match go over; an axis split in the result is a run of domain axes; an
/// axis merged in the result can be taken apart where it is itself such a run. False where that is not enough.
template <class Graph>
constexpr bool through_reshape(const Graph& g, const short* domain, const node& out, const index_map& result,
                               const node& in, index_map& operand) {
  operand = {};
  operand.rank = in.rank;
  auto covers = [&](int o) {  // the result axis runs over whole domain axes
    const axis_map m = result.axis[o];
    if (m.count == 0) return g.length(out.dims[o]) == 1 && m.offset == 0 && m.offset_dim < 0;
    return m.whole;
  };
  int i = 0, o = 0;
  while (i < in.rank || o < out.rank) {
    if (i < in.rank && o < out.rank && g.same_dim(in.dims[i], out.dims[o])) {
      operand.axis[i++] = result.axis[o++];
      continue;
    }
    if (i < in.rank && g.length(in.dims[i]) == 1) {
      ++i;
      continue;
    }
    if (o < out.rank && g.length(out.dims[o]) == 1) {
      ++o;
      continue;
    }
    // The group reaches to the next pair of equal lengths, seen from the end.
    int i_end = in.rank, o_end = out.rank;
    while (i_end > i + 1 && o_end > o + 1 && g.same_dim(in.dims[i_end - 1], out.dims[o_end - 1])) --i_end, --o_end;
    // Constant lengths allow an earlier end.
    {
      index a = 1, b = 1;
      int x = i, y = o;
      bool constant = true;
      do {
        if (a <= b && x < i_end) {
          const index e = g.length(in.dims[x++]);
          constant = constant && e != dyn;
          a *= e;
        } else if (y < o_end) {
          const index e = g.length(out.dims[y++]);
          constant = constant && e != dyn;
          b *= e;
        } else {
          constant = false;
        }
      } while (constant && (a != b || y == o || x == i));
      if (constant) i_end = x, o_end = y;
    }
    for (int k = o; k < o_end; ++k)
      if (!covers(k)) return false;
    if (i_end - i == 1) {  // split: one axis in the operand
      axis_map run;
      run.whole = true;
      for (int k = o; k < o_end; ++k) {
        const axis_map m = result.axis[k];
        if (m.count == 0) continue;
        if (run.count == 0)
          run.first = m.first;
        else if (run.first + run.count != m.first)
          return false;
        run.count = static_cast<signed char>(run.count + m.count);
      }
      if (run.count == 0) run.whole = false;
      operand.axis[i] = run;
    } else if (o_end - o == 1) {  // merge: take the run apart
      const axis_map m = result.axis[o];
      int d = m.first, left = m.count;
      for (int k = i; k < i_end; ++k) {
        if (g.length(in.dims[k]) == 1) continue;
        if (left == 0 || !g.same_dim(in.dims[k], domain[d])) return false;
        operand.axis[k] = axis_from(d);
        ++d, --left;
      }
      if (left != 0) return false;
    } else {
      return false;
    }
    i = i_end, o = o_end;
  }
  return true;
}

constexpr index_map identity_frame(int rank) {
  index_map m;
  m.rank = rank;
  for (int i = 0; i < rank; ++i) m.axis[i] = axis_from(i);
  return m;
}

}  // namespace fuse::planning

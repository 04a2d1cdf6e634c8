// SPDX-License-Identifier: Apache-2.0
// The pieces of a kernel while it is written: steps, scalars, frames and accesses, each kept once. What finds no place
// is number -1, and the kernel is `full`: it is no kernel, and has to be cut.
#pragma once
#include <fuse/op/select.hpp>
#include <fuse/plan/frames.hpp>

namespace fuse::planning {

template <class Graph>
struct kernel_pieces {
  const Graph& g;
  kernel_plan k{};
  static constexpr int max_frames = 96;
  index_map frames[max_frames]{};
  int frame_count = 0;
  bool full = false;

  constexpr explicit kernel_pieces(const Graph& graph) : g(graph) {}

  constexpr short no_place() {
    full = true;
    return -1;
  }
  constexpr short push(const step& s) {
    for (int i = 0; i < k.step_count; ++i)
      if (k.steps[i].same_value(s)) return static_cast<short>(i);
    if (k.step_count == kernel_plan::max_steps) return no_place();
    k.steps[k.step_count] = s;
    return static_cast<short>(k.step_count++);
  }
  constexpr short scalar(scalar_slot s, dtype type) {
    int i = 0;
    while (i < k.scalar_count && !(k.scalars[i] == s)) ++i;
    if (i == kernel_plan::max_scalars) return no_place();
    if (i == k.scalar_count) k.scalars[k.scalar_count++] = s;
    step t;
    t.kind = step_kind::scalar;
    t.type = type;
    t.attribute = i;
    return push(t);
  }
  constexpr short extent_step(short dim) {
    if (g.is_constant(dim)) {
      step t;
      t.type = dtype::i64;
      t.attribute = g.constant_of(dim);
      return push(t);
    }
    return scalar({true, g.canonical(dim)}, dtype::i64);
  }
  constexpr short intern(const index_map& f) {
    for (int i = 0; i < frame_count; ++i)
      if (frames[i] == f) return static_cast<short>(i);
    if (frame_count == max_frames) return no_place();
    frames[frame_count] = f;
    return static_cast<short>(frame_count++);
  }

  /// Does a node tell apart values that are near each other?
  static constexpr bool compares(const node& n) {
    return n.op->result == result_rule::boolean || (n.kind() == op_kind::cast && n.type == dtype::boolean);
  }
  /// The step of a node's value as memory holds it. f16 and bf16 are compared so, below a cast to a wider dtype too, as
  /// promotion puts it there: two values that are equal where one of them was stored, or both, are equal where neither
  /// was.
  constexpr short as_compared(short step_number, int id) {
    const node& n = g.nodes[id];
    const bool wider = n.kind() == op_kind::cast && (n.type == dtype::f32 || n.type == dtype::f64);
    const dtype type = wider ? g.nodes[n.in[0]].type : n.type;
    const step& s = k.steps[step_number];
    const short below = wider && s.kind == step_kind::cast ? s.in[0] : step_number;
    if ((type != dtype::f16 && type != dtype::bf16) || holds(below, type)) return step_number;
    const short rounded = cast_step(step_number, type);
    return n.type == dtype::f64 && rounded >= 0 ? cast_step(rounded, dtype::f64) : rounded;
  }
  constexpr short cast_step(short step_number, dtype type) {
    step s;
    s.kind = step_kind::cast;
    s.op = &cast_op;
    s.type = type;
    s.in[0] = step_number;
    s.element = k.steps[step_number].element;
    return push(s);
  }
  /// Is a step's value one of the dtype already?
  constexpr bool holds(short step_number, dtype type) const {
    const step& s = k.steps[step_number];
    if (s.kind == step_kind::load || s.kind == step_kind::cast) return s.type == type;
    if (s.kind == step_kind::reduce) return s.op->chooses && holds(s.in[0], type);
    return s.kind == step_kind::pointwise && is_same(*s.op, op_of<ops::where_t>) && holds(s.in[1], type) &&
           holds(s.in[2], type);
  }

  /// How the elements of an access lie along one axis of the index space.
  constexpr stepping along(const access& a, bool row_major, int axis) const {
    int found = -1, count = 0, last = a.rank - 1;
    for (int i = 0; i < a.rank; ++i)
      if (a.axis[i].count > 0 && a.axis[i].first <= axis && axis < a.axis[i].first + a.axis[i].count)
        found = i, ++count;
    if (count == 0) return stepping::none;
    while (last > found && g.length(a.dims[last]) == 1) --last;
    const axis_map m = a.axis[found];
    const bool unit = count == 1 && row_major && found == last && m.scale == 1 && axis == m.first + m.count - 1;
    return unit ? stepping::unit : stepping::strided;
  }
  /// The largest power of two, up to 16, that every offset of the access is a multiple of apart from its unit axis.
  constexpr short alignment_of(const access& a, bool row_major) const {
    if (!row_major || a.rank == 0) return 1;
    int last = a.rank - 1;
    while (last > 0 && g.length(a.dims[last]) == 1) --last;
    const axis_map m = a.axis[last];
    if (m.offset_dim >= 0) return 1;
    bool other_axes = false;
    for (int i = 0; i < last; ++i) other_axes = other_axes || g.length(a.dims[i]) != 1;
    short n = 16;
    while (n > 1 &&
           (m.offset % n != 0 || (other_axes && (g.length(a.dims[last]) == dyn || g.length(a.dims[last]) % n != 0)) ||
            (m.count > 1 && g.length(k.dims[m.first + m.count - 1]) % n != 0)))
      n = static_cast<short>(n / 2);
    return n;
  }
  constexpr short push(access a, bool row_major) {
    a.aligned = alignment_of(a, row_major);
    a.inner = along(a, row_major, k.inner());
    if (k.contraction >= 0) a.contraction = along(a, row_major, k.contraction);
    if (k.column >= 0) a.column = along(a, row_major, k.column);
    for (int i = 0; i < k.access_count; ++i)
      if (k.accesses[i] == a) return static_cast<short>(i);
    if (k.access_count == kernel_plan::max_accesses) return no_place();
    k.accesses[k.access_count] = a;
    return static_cast<short>(k.access_count++);
  }
};

}  // namespace fuse::planning

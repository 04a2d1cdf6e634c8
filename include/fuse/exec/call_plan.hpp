// SPDX-License-Identifier: Apache-2.0
// A plan as the calls of its function see it: tables, without types.
#pragma once
#include <fuse/compile.hpp>
#include <fuse/exec/in_place.hpp>
#include <fuse/exec/lifetimes.hpp>

namespace fuse::session {

/// A buffer of a plan: first come the arguments, then the outputs, then temporaries.
struct buffer_table {
  planning::buffer_kind kind;
  dtype type;
  bool given;      // memory of the caller: a tensor argument or an output
  bool row_major;  // given, and row-major by its type
  short place;     // of a temporary: temporaries of one place are never needed at once
  short target;    // a scatter into it begins with a copy of this buffer, unless it is the same memory; or -1
  short rank;
  short dims[max_rank];  // canonical

  constexpr bool is_output() const { return kind == planning::buffer_kind::output; }
};

struct call_plan {
  binding::length_table lengths;
  const buffer_table* buffers;
  const bool* in_place;  // [output][argument]: may the output be the very memory of the argument?
  int argument_count, output_count, buffer_count, place_count;
};

/// The call plan of a planned function.
template <class Source>
struct call_plan_of {
  static constexpr auto& g = Source::graph;
  static constexpr auto& plan = Source::plan;
  static constexpr int places = lifetimes<Source>::of.places;
  struct storage {
    buffer_table buffers[plan.buffer_count + 1];
    bool in_place[g.output_count * g.argument_count + 1];
  };
  static constexpr storage kept = [] {
    storage s{};
    s.buffers[plan.buffer_count].target = -1;
    for (int b = 0; b < plan.buffer_count; ++b) {
      const planning::buffer_info& from = plan.buffers[b];
      buffer_table& to = s.buffers[b];
      to.kind = from.kind;
      to.type = from.type;
      to.place = lifetimes<Source>::of.place[b];
      to.target = from.copied_from >= 0 ? plan.state[from.copied_from].buffer : short(-1);
      to.given = to.is_output() || (from.kind == planning::buffer_kind::argument && !g.arguments[b].scalar);
      if (to.given)
        to.row_major = to.is_output() ? g.outputs[b - g.argument_count].contiguous : g.arguments[b].contiguous;
      const node& n = g.nodes[from.node];
      to.rank = n.rank;
      for (int i = 0; i < n.rank; ++i) to.dims[i] = g.canonical(n.dims[i]);
    }
    for (int o = 0; o < g.output_count; ++o)
      for (int a = 0; a < g.argument_count; ++a)
        s.in_place[o * g.argument_count + a] =
            !g.arguments[a].scalar && may_be_in_place<Source>(g.argument_count + o, a);
    return s;
  }();
  /// Does a scatter of the plan begin with a copy of its target?
  static constexpr bool copies_targets = [] {
    for (const buffer_table& b : kept.buffers)
      if (b.target >= 0) return true;
    return false;
  }();
  static constexpr call_plan table = {binding::length_table_of<Source>::table,
                                      kept.buffers,
                                      kept.in_place,
                                      g.argument_count,
                                      g.output_count,
                                      plan.buffer_count,
                                      places};
};

}  // namespace fuse::session

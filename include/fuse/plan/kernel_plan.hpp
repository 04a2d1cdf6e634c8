// SPDX-License-Identifier: Apache-2.0
// One kernel of a plan, as a value: its index space, the memory it touches, and its steps in order of evaluation.
//
// The index space of a kernel has the axes   outer… , inner [, contraction] [, column].
//   map        one element for each point of (outer…, inner)
//   row        the same, with reductions along inner: one row is worked on at a time
//   tile       (outer…, row of the left operand, inner = column of the right one, contraction)
//   attention  a row kernel whose elements are products along contraction and whose row is contracted with a matrix
//              (inner, column): softmax(q k^T) v and what has its shape
#pragma once
#include <fuse/graph/graph.hpp>
#include <fuse/kernel/value.hpp>

namespace fuse {

enum class family : std::uint8_t { map, row, tile, attention };

constexpr const char* name_of(family f) {
  constexpr const char* name[] = {"map", "row", "tile", "attention"};
  return name[int(f)];
}

inline constexpr int max_axes = max_rank + 2;

/// Elements of one buffer, addressed from the kernel's index space.
struct access {
  short buffer = -1;  // -1: the coordinate itself (iota)
  dtype type = dtype::f32;
  bool alias = false;  // the buffer is row-major with `dims`, whatever shape it was made with
  short rank = 0;
  short gathered = -1;  // the axis whose coordinate comes from an index step
  short dims[max_rank] = {-1, -1, -1, -1, -1, -1};
  axis_map axis[max_rank]{};  // coordinates of the buffer from those of the index space
  stepping inner = stepping::none, column = stepping::none, contraction = stepping::none;
  short aligned = 1;  // elements, a power of two up to 16: every row start of a 16-byte-aligned buffer is a multiple
  constexpr bool operator==(const access&) const = default;
};

enum class step_kind : std::uint8_t {
  load,        // attribute: access; in[0]: index step of a gathered axis; in[1]: predicate step
  constant,    // attribute: bits
  scalar,      // attribute: run-time scalar slot
  coordinate,  // attribute: access with buffer -1
  in_range,    // in[0]: coordinate; in[1]: extent; in[2]: a further condition
  pointwise,   // op, in[0..2]
  cast,        // in[0]
  reduce,      // op, in[0]
  product,     // in[0], in[1]: the accesses (not steps) of the left and right operands
};

struct step {
  step_kind kind = step_kind::constant;
  const op_info* op = nullptr;
  dtype type = dtype::f32;
  short in[3] = {-1, -1, -1};
  index attribute = 0;
  bool element = false;  // has a value for each element of the row; else one for the whole row
  short stage = 0;       // reductions that must be finished before it
  bool keep = false;     // an element value that a later stage reads again
  constexpr bool same_value(const step& s) const {
    const bool computes = kind == step_kind::pointwise || kind == step_kind::reduce;
    return kind == s.kind && type == s.type && in[0] == s.in[0] && in[1] == s.in[1] && in[2] == s.in[2] &&
           attribute == s.attribute && (!computes || is_same(*op, *s.op));
  }
};

struct store_plan {
  short value = -1;  // step
  short index = -1;  // index step of a gathered (scatter) axis
  short access = -1;
};

/// A scalar that a kernel gets by value: a run-time argument, or the value of a dim.
struct scalar_slot {
  bool is_dim = false;
  short which = -1;  // argument number, or dim
  constexpr bool operator==(const scalar_slot&) const = default;
};

struct kernel_plan {
  family kind = family::map;
  short rank = 0;          // outer axes and inner
  short contraction = -1;  // axis numbers in the index space, or -1
  short column = -1;
  short axes = 0;  // all axes
  short dims[max_axes]{};
  int step_count = 0, access_count = 0, store_count = 0, scalar_count = 0, stage_count = 1;
  static constexpr int max_steps = 128, max_accesses = 64, max_stores = 12, max_scalars = 32;
  step steps[max_steps]{};
  access accesses[max_accesses]{};
  store_plan stores[max_stores]{};
  scalar_slot scalars[max_scalars]{};
  short contracted = -1;  // attention: the row value, and its matrix
  short contracted_access = -1;
  dtype contracted_type = dtype::f32;
  short first_axis_of[max_axes]{};  // collapsed axis -> its first axis
  short last_axis_of[max_axes]{};   // collapsed axis -> its last axis
  short collapsed = 0;              // number of collapsed outer and inner axes

  constexpr short inner() const { return static_cast<short>(rank - 1); }
};

}  // namespace fuse

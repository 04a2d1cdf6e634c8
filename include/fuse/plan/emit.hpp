// SPDX-License-Identifier: Apache-2.0
// Writes the steps of one kernel: values are pulled from its roots down to memory, each at the place (frame) where the
// kernel needs it. What cannot be computed at that place has to be materialised by an earlier kernel; the emitter then
// stops and says which node that is, and why.
#pragma once
#include <fuse/op/arithmetic.hpp>
#include <fuse/op/row_division.hpp>
#include <fuse/op/select.hpp>
#include <fuse/plan/pieces.hpp>

namespace fuse::planning {

enum class cut_reason : std::uint8_t {
  none,
  output,     // the caller wants it
  eager,      // one kernel per operation was asked for
  other_row,  // a reduction over other rows than this kernel's: a grid-wide dependency
  matmul,     // a contraction is a grid-wide dependency of whatever is not its epilogue
  operand,    // a contraction or gather reads its operand many times: it is computed once
  reordered,  // its elements are needed in an order that is not an affine view
  scattered,  // written in place by a scatter
  large,      // the kernel would have more steps or operands than one kernel takes
};

constexpr const char* text_of(cut_reason r) {
  constexpr const char* text[] = {"",
                                  "it is an output",
                                  "one kernel per operation was asked for",
                                  "its reduction runs over other rows: every block would need all of them",
                                  "a contraction needs all blocks before its consumers, unless they are its epilogue",
                                  "its consumer reads each element many times, so it is computed once",
                                  "its consumer reads it in an order that is no affine view of it",
                                  "a scatter writes into its buffer",
                                  "one kernel would have too many steps or operands"};
  return text[int(r)];
}

/// What is known of each node while a plan is made.
struct node_state {
  short buffer = -1;          // argument or materialised: its buffer …
  dtype stored = dtype::f32;  // … and in which dtype it lies there
  bool in_kernel = false;
  bool whole = false;  // in_kernel: has the shape of the whole index space (else one value a row)
};

template <class Graph, int Nodes>
struct emitter : kernel_pieces<Graph> {
  using pieces = kernel_pieces<Graph>;
  using pieces::as_compared, pieces::compares, pieces::max_frames, pieces::no_place, pieces::push, pieces::scalar;
  using pieces::extent_step, pieces::frame_count, pieces::full, pieces::g, pieces::intern, pieces::k;
  const node_state (&state)[Nodes];
  bool may_cut;  // what comes near the end of what one kernel takes is cut; else it may be filled up
  short failed = -1;
  cut_reason reason = cut_reason::none;

  struct memo {
    short node, frame, predicate, step;
  };
  static constexpr int max_memos = 256;
  memo memos[max_memos]{};
  int memo_count = 0;

  /// From the root to the node that is written now.
  struct ancestor {
    int node, steps;  // steps: how many there were before the node was written
  };
  static constexpr int max_depth = 128;  // compilers bound the depth of constant expressions (512 calls by default)
  ancestor path[max_depth]{};
  int depth = 0;

  constexpr emitter(const Graph& graph, const node_state (&states)[Nodes], bool cuts)
      : pieces(graph), state(states), may_cut(cuts) {}

  constexpr short fail(int node, cut_reason why) {
    if (failed < 0) failed = static_cast<short>(node), reason = why;
    return -1;
  }

  /// Does this node stand for memory as it is? Then `alias` says whether a reshape lies between.
  constexpr short buffer_of(int id, bool& alias) const {
    alias = false;
    while (true) {
      if (state[id].buffer >= 0 && !state[id].in_kernel) {
        const node& n = g.nodes[id];
        const bool strided = n.kind() == op_kind::argument && !g.arguments[n.attribute].contiguous;
        return alias && strided ? short(-1) : short(id);
      }
      if (g.nodes[id].kind() != op_kind::reshape) return -1;
      id = g.nodes[id].in[0];
      alias = true;
    }
  }
  constexpr access access_of(int id, int buffer_node, bool alias, const index_map& f) const {
    access a;
    const node& n = g.nodes[id];
    a.buffer = state[buffer_node].buffer;
    a.type = state[buffer_node].stored;
    a.alias = alias;
    a.rank = n.rank;
    for (int i = 0; i < n.rank; ++i) {
      a.axis[i] = f.axis[i];
      a.dims[i] = g.canonical(n.dims[i]);
    }
    return a;
  }
  constexpr bool row_major(int buffer_node) const {
    const node& n = g.nodes[buffer_node];
    return n.kind() != op_kind::argument || g.arguments[n.attribute].contiguous;
  }

  /// The access of an operand that is read straight from memory, through any affine views; -1 with `failed` set.
  constexpr short memory(int id, index_map f, short gathered = -1) {
    while (true) {
      bool alias = false;
      const short b = buffer_of(id, alias);
      if (b >= 0) {
        access a = access_of(id, b, alias, f);
        a.gathered = gathered;
        return push(a, row_major(b));
      }
      const node& n = g.nodes[id];
      index_map operand;
      if (gathered < 0 && n.kind() == op_kind::reindex && compose(g, n, f, operand)) {
        id = n.in[0], f = operand;
      } else if (gathered < 0 && n.kind() == op_kind::reshape &&
                 through_reshape(g, k.dims, n, f, g.nodes[n.in[0]], operand)) {
        id = n.in[0], f = operand;
      } else {
        const int base = base_of(id);
        const bool view = (n.kind() == op_kind::reshape && row_major_view(n.in[0])) || state[base].buffer >= 0;
        return fail(view ? id : base, cut_reason::operand);
      }
    }
  }
  constexpr bool row_major_view(int id) const { return g.nodes[id].kind() == op_kind::reindex; }
  /// Below views that memory can show.
  constexpr int base_of(int id) const {
    while (g.nodes[id].kind() == op_kind::reindex) id = g.nodes[id].in[0];
    return id;
  }

  // ---- values ----
  constexpr index_map row_frame(const node& n) const {  // (outer…, 1) or (outer…)
    index_map f = identity_frame(n.rank);
    for (int i = k.inner(); i < n.rank; ++i) f.axis[i] = axis_map{};
    return f;
  }
  constexpr index_map home_frame(int id) const {
    return state[id].whole ? identity_frame(g.nodes[id].rank) : row_frame(g.nodes[id]);
  }

  constexpr bool has_domain_shape(const node& n) const {
    if (n.rank != k.rank) return false;
    for (int i = 0; i < n.rank; ++i)
      if (!g.same_dim(n.dims[i], k.dims[i])) return false;
    return true;
  }

  constexpr short emit(int id, const index_map& f, short predicate = -1) {
    if (failed >= 0) return -1;
    const node n = g.nodes[id];
    const short frame = intern(f);
    for (int i = 0; i < memo_count; ++i)
      if (memos[i].node == id && memos[i].frame == frame && memos[i].predicate == predicate) return memos[i].step;
    if (depth == max_depth || memo_count == max_memos) no_place();
    if (full) return cut_large();
    path[depth++] = {id, k.step_count};
    const short s = write(id, n, f, predicate);
    if (failed < 0 && (full || is_large(id))) cut_large();
    --depth;
    if (failed >= 0) return -1;
    memos[memo_count++] = {static_cast<short>(id), frame, predicate, s};
    return s;
  }

 private:
  constexpr bool element(short s) const { return s >= 0 && k.steps[s].element; }

  // ---- how much one kernel takes ----
  /// Has the kernel used more than a share of anything that it has only so much of?
  constexpr bool uses_more_than(int share, int of) const {
    return k.step_count * of > kernel_plan::max_steps * share ||
           k.access_count * of > kernel_plan::max_accesses * share ||
           k.scalar_count * of > kernel_plan::max_scalars * share || frame_count * of > max_frames * share ||
           memo_count * of > max_memos * share;
  }
  /// Near the end of what one kernel takes, with room for what still has to follow. Scalars are computed where they are
  /// used, and joined tensors are written once, as long as that is possible.
  constexpr bool is_large(int id) const {
    const node& n = g.nodes[id];
    return may_cut && may_be_stored(id) && n.kind() != op_kind::concat && uses_more_than(n.rank > 0 ? 28 : 31, 32);
  }
  constexpr bool may_be_stored(int id) const {
    const op_kind kind = g.nodes[id].kind();
    return !state[id].in_kernel && state[id].buffer < 0 &&
           (kind == op_kind::pointwise || kind == op_kind::cast || kind == op_kind::concat || kind == op_kind::gather);
  }
  /// Cuts a kernel that is too large at the deepest node above the one that is written which leaves it room for a step
  /// of each node above the cut: so both kernels take much. A scalar is cut only below nothing else.
  constexpr short cut_large() {
    for (const bool scalars : {false, true}) {
      int chosen = -1;
      for (int i = 0; i < depth; ++i)
        if (may_be_stored(path[i].node) && (g.nodes[path[i].node].rank == 0) == scalars)
          if (chosen < 0 || path[i].steps + i <= kernel_plan::max_steps - 28) chosen = i;
      if (chosen >= 0) return fail(path[chosen].node, cut_reason::large);
    }
    return full ? fail(path[0].node, cut_reason::large) : short(-1);
  }

  constexpr short load(short a, short index_step, short predicate) {
    if (a < 0) return a;
    step s;
    s.kind = step_kind::load;
    s.type = k.accesses[a].type;
    s.attribute = a;
    s.in[0] = index_step, s.in[1] = predicate;
    s.element = k.accesses[a].inner != stepping::none || element(index_step) || element(predicate);
    return push(s);
  }

  constexpr short write(int id, const node& n, const index_map& f, short predicate) {
    if (n.kind() == op_kind::argument && g.arguments[n.attribute].scalar)
      return scalar({false, static_cast<short>(n.attribute)}, n.type);
    bool alias = false;
    if (state[id].in_kernel) {
      if (!(f == home_frame(id))) return fail(id, cut_reason::reordered);
    } else if (const short b = buffer_of(id, alias); b >= 0) {
      return load(push(access_of(id, b, alias, f), row_major(b)), -1, predicate);
    }
    step s;
    s.type = n.type;
    switch (n.kind()) {
      case op_kind::constant:
        s.attribute = n.attribute;
        return push(s);
      case op_kind::extent:
        return extent_step(static_cast<short>(n.attribute));
      case op_kind::iota:
        return coordinate(f.axis[n.attribute], n.dims[n.attribute]);
      case op_kind::pointwise:
      case op_kind::cast: {
        s.kind = n.kind() == op_kind::cast ? step_kind::cast : step_kind::pointwise;
        s.op = n.op;
        for (int i = 0; i < n.op->arity; ++i) {
          s.in[i] = emit(n.in[i], g.nodes[n.in[i]].rank == 0 ? index_map{} : f, predicate);
          if (s.in[i] >= 0 && compares(n)) s.in[i] = as_compared(s.in[i], n.in[i]);
          if (s.in[i] < 0) return -1;
          s.element = s.element || element(s.in[i]);
        }
        return divide_once_a_row(s) ? push(s) : short(-1);
      }
      case op_kind::reindex: {
        index_map operand;
        if (!compose(g, n, f, operand)) return fail(id, cut_reason::reordered);
        return emit(n.in[0], operand, predicate);
      }
      case op_kind::reshape: {
        index_map operand;
        if (!through_reshape(g, k.dims, n, f, g.nodes[n.in[0]], operand)) return fail(n.in[0], cut_reason::reordered);
        return emit(n.in[0], operand, predicate);
      }
      case op_kind::concat:
        return concat(id, n, f, predicate);
      case op_kind::gather: {
        const node rows = g.nodes[n.in[1]], table = g.nodes[n.in[0]];
        index_map at, in_table;
        at.rank = rows.rank;
        for (int i = 0; i < rows.rank; ++i) at.axis[i] = f.axis[i];
        in_table.rank = table.rank;
        for (int i = 1; i < table.rank; ++i) in_table.axis[i] = f.axis[rows.rank + i - 1];
        const short which = emit(n.in[1], at, predicate);
        if (which < 0) return -1;
        return load(memory(n.in[0], in_table, 0), which, predicate);
      }
      case op_kind::reduce:
        return reduce(id, n, f);
      case op_kind::matmul:
        return product(id, n, f);
      default:
        return fail(id, cut_reason::scattered);
    }
  }

  /// Elements divided by a value of their row are multiplied by its inverse. False if that finds no place.
  constexpr bool divide_once_a_row(step& s) {
    if (!is_same(*s.op, op_of<ops::divide_t>) || !element(s.in[0]) || element(s.in[1]) ||
        compute_of(s.type) != compute::f32)
      return true;
    step inverse;
    inverse.kind = step_kind::pointwise;
    inverse.op = &op_of<ops::inverse_t>;
    inverse.type = dtype::f32;
    inverse.in[0] = s.in[1];
    s.op = &op_of<ops::divide_by_t>;
    s.in[2] = push(inverse);
    return s.in[2] >= 0;
  }

  constexpr short coordinate(const axis_map& m, short dim) {
    access a;
    a.type = dtype::i64;
    a.rank = 1;
    a.axis[0] = m;
    a.dims[0] = g.canonical(dim);
    step s;
    s.kind = step_kind::coordinate;
    s.type = dtype::i64;
    const short place = push(a, false);
    if (place < 0) return place;
    s.attribute = place;
    s.element = k.accesses[s.attribute].inner != stepping::none;
    return push(s);
  }

  /// The operand whose part of the joined axis holds the coordinate; the other is not read there.
  constexpr short concat(int id, const node& n, const index_map& f, short predicate) {
    const int axis = static_cast<int>(n.attribute);
    const short first_length = g.nodes[n.in[0]].dims[axis];
    short value[2]{}, inside[2]{};
    for (int i = 0; i < 2; ++i) {
      index_map operand = f;
      operand.axis[axis].whole = false;  // only a part of the joined axis
      if (i == 1) {
        axis_map& m = operand.axis[axis];
        if (g.is_constant(first_length)) {
          m.offset -= g.constant_of(first_length);
        } else if (m.offset_dim < 0) {
          m.offset_dim = g.canonical(first_length);
          m.dim_scale = -1;
        } else {
          return fail(id, cut_reason::reordered);  // an offset is a multiple of one length at most
        }
      }
      step s;
      s.kind = step_kind::in_range;
      s.type = dtype::boolean;
      s.in[0] = coordinate(operand.axis[axis], g.nodes[n.in[i]].dims[axis]);
      s.in[1] = extent_step(g.nodes[n.in[i]].dims[axis]);
      s.in[2] = predicate;
      s.element = element(s.in[0]) || element(predicate);
      if (full) return -1;
      inside[i] = push(s);
      value[i] = full ? short(-1) : emit(n.in[i], operand, inside[i]);
      if (value[i] < 0) return -1;
    }
    step s;
    s.kind = step_kind::pointwise;
    s.op = &op_of<ops::where_t>;
    s.type = n.type;
    s.in[0] = inside[0], s.in[1] = value[0], s.in[2] = value[1];
    s.element = element(inside[0]) || element(value[0]) || element(value[1]);
    return push(s);
  }

  constexpr short reduce(int id, const node& n, const index_map& f) {
    const node& input = g.nodes[n.in[0]];
    const bool same_row =
        (k.kind == family::row || k.kind == family::attention) && has_domain_shape(input) && f == row_frame(n);
    if (!same_row) return fail(id, cut_reason::other_row);
    step s;
    s.kind = step_kind::reduce;
    s.op = n.op;
    s.type = n.type;
    s.in[0] = emit(n.in[0], identity_frame(k.rank));
    return s.in[0] < 0 ? s.in[0] : push(s);
  }

  constexpr short product(int id, const node& n, const index_map& f) {
    const bool here = k.contraction >= 0 && has_domain_shape(n) && f == identity_frame(k.rank) &&
                      g.same_dim(g.nodes[n.in[0]].dims[n.rank - 1], k.dims[k.contraction]);
    if (!here) return fail(id, cut_reason::matmul);
    index_map left = identity_frame(n.rank), right = left;
    left.axis[n.rank - 1] = axis_from(k.contraction);
    right.axis[n.rank - 2] = axis_from(k.contraction);
    const short a = memory(n.in[0], left);
    if (a < 0) return -1;
    short b = memory(n.in[1], right);
    if (b < 0) return -1;
    for (int i = 0; i < k.step_count; ++i)
      if (k.steps[i].kind == step_kind::product && !(k.kind == family::tile && k.steps[i].in[0] == a))
        return fail(id, cut_reason::matmul);  // one contraction a kernel, or several of one left operand
    step s;
    s.kind = step_kind::product;
    s.type = n.type;
    s.in[0] = a, s.in[1] = b;  // accesses, not steps
    s.element = true;
    return push(s);
  }
};

}  // namespace fuse::planning

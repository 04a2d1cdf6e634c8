// SPDX-License-Identifier: Apache-2.0
// Is a plan one that runs? What the kernel bodies and the executors rely on, in one place. Tests ask; programs of users
// are not made to wait for it.
#pragma once
#include <fuse/plan/schedule.hpp>

namespace fuse::verification {

enum class plan_fault : std::uint8_t {
  none,
  failed,         // no plan: a node that no kernel can compute
  kernel,         // a kernel without a root, or a root without a kernel
  launch,         // launches out of order, or a kernel that needs what runs beside it
  unwritten,      // a buffer read before an earlier kernel has written it
  unread,         // a temporary that is stored, and that nothing reads
  written_twice,  // a buffer with two writers, or an argument with one
  output,         // an output without a buffer of its own, or that nobody writes
  order,          // a step whose operand is no earlier step, or is finished in a later pass
  operand,        // a step without an operand that its operation needs
  access,    // a load, store or product whose access does not exist, or has another dtype than the buffer; an access
             // without a use
  dims,      // an axis that is not in the index space, or a length that is not in the table
  scalar,    // a scalar slot that does not exist
  collapse,  // axes walked as one that are not neighbours, or left out
  value,     // a store without a value, or a kernel without steps
};
struct plan_finding {
  plan_fault fault = plan_fault::none;
  int kernel = -1, at = -1;  // at: the step, access, store or buffer
  constexpr explicit operator bool() const { return fault != plan_fault::none; }
  constexpr bool operator==(const plan_finding&) const = default;
};

template <class Graph, int Nodes>
struct plan_verifier {
  const Graph& g;
  const planning::partition<Nodes>& p;

  // ---- one kernel ----
  static constexpr int operands_of(const step& s) {
    switch (s.kind) {
      case step_kind::pointwise:
        return !s.op ? 4 : is_same(*s.op, op_of<ops::divide_by_t>) ? 3 : s.op->arity;
      case step_kind::cast:
      case step_kind::reduce:
        return 1;
      case step_kind::in_range:
      case step_kind::product:
        return 2;
      default:
        return 0;
    }
  }
  constexpr plan_fault fault_of_step(const kernel_plan& k, int i) const {
    const step& s = k.steps[i];
    const int needed = operands_of(s);
    if (s.stage < 0 || s.stage >= k.stage_count) return plan_fault::order;
    for (int j = 0; j < 3; ++j) {
      if (j < needed && s.in[j] < 0) return plan_fault::operand;
      if (s.in[j] < 0) continue;
      if (s.kind == step_kind::product) {
        if (s.in[j] >= k.access_count) return plan_fault::access;
        continue;
      }
      if (s.in[j] >= i) return plan_fault::order;
      const step& in = k.steps[s.in[j]];
      if (in.stage + (in.kind == step_kind::reduce) > s.stage) return plan_fault::order;
    }
    if (s.kind == step_kind::reduce && !(s.op && s.op->kind == op_kind::reduce)) return plan_fault::operand;
    if (s.kind == step_kind::scalar && (s.attribute < 0 || s.attribute >= k.scalar_count)) return plan_fault::scalar;
    if (s.kind == step_kind::load || s.kind == step_kind::coordinate) {
      if (s.attribute < 0 || s.attribute >= k.access_count) return plan_fault::access;
      const access& a = k.accesses[s.attribute];
      if ((a.buffer < 0) != (s.kind == step_kind::coordinate) || a.type != s.type) return plan_fault::access;
      if ((a.gathered >= 0) != (s.kind == step_kind::load && s.in[0] >= 0)) return plan_fault::access;
    }
    return plan_fault::none;
  }
  constexpr plan_fault fault_of_access(const kernel_plan& k, const access& a) const {
    if (a.rank < 0 || a.rank > max_rank || a.gathered >= a.rank) return plan_fault::dims;
    if (a.buffer >= p.buffer_count) return plan_fault::access;
    if (a.buffer >= 0 && p.buffers[a.buffer].type != a.type) return plan_fault::access;
    for (int i = 0; i < a.rank; ++i) {
      const axis_map& m = a.axis[i];
      if (a.dims[i] < 0 || a.dims[i] >= g.dim_count || m.offset_dim >= g.dim_count) return plan_fault::dims;
      if (m.count > 0 && (m.first < 0 || m.first + m.count > k.axes)) return plan_fault::dims;
    }
    return plan_fault::none;
  }
  constexpr bool good_collapse(const kernel_plan& k) const {
    if (k.collapsed < 1 || k.first_axis_of[0] != 0 || k.last_axis_of[k.collapsed - 1] != k.inner()) return false;
    for (int c = 0; c < k.collapsed; ++c) {
      if (k.first_axis_of[c] > k.last_axis_of[c]) return false;
      if (c > 0 && k.first_axis_of[c] != k.last_axis_of[c - 1] + 1) return false;
    }
    return true;
  }
  constexpr plan_finding kernel(const kernel_plan& k, int number) const {
    for (int i = 0; i < k.axes; ++i)
      if (k.dims[i] < 0 || k.dims[i] >= g.dim_count) return {plan_fault::dims, number, i};
    if (k.rank < 1 || k.rank + (k.contraction >= 0) + (k.column >= 0) != k.axes) return {plan_fault::dims, number};
    if (!good_collapse(k)) return {plan_fault::collapse, number};
    for (int i = 0; i < k.scalar_count; ++i)
      if (k.scalars[i].which < 0 || k.scalars[i].which >= (k.scalars[i].is_dim ? g.dim_count : g.argument_count))
        return {plan_fault::scalar, number, i};
    for (int i = 0; i < k.access_count; ++i)
      if (const plan_fault f = fault_of_access(k, k.accesses[i]); f != plan_fault::none) return {f, number, i};
    for (int i = 0; i < k.step_count; ++i)
      if (const plan_fault f = fault_of_step(k, i); f != plan_fault::none) return {f, number, i};
    for (int i = 0; i < k.store_count; ++i) {
      const store_plan& s = k.stores[i];
      if (s.access < 0 || s.access >= k.access_count || k.accesses[s.access].buffer < 0)
        return {plan_fault::access, number, i};
      // Attention stores what it contracts, no step, and where its own rows lie.
      const bool contracts = k.kind == family::attention;
      if (contracts ? !contracts_something(k) || s.index >= 0 : s.value < 0 || s.value >= k.step_count)
        return {plan_fault::value, number, i};
      if ((k.accesses[s.access].gathered >= 0) != (s.index >= 0) || s.index >= k.step_count)
        return {plan_fault::value, number, i};
    }
    return k.store_count > 0 && k.step_count > 0 ? plan_finding{} : plan_finding{plan_fault::value, number};
  }
  static constexpr bool contracts_something(const kernel_plan& k) {
    return k.contracted >= 0 && k.contracted < k.step_count && k.steps[k.contracted].element &&
           k.contracted_access >= 0 && k.contracted_access < k.access_count &&
           k.accesses[k.contracted_access].buffer >= 0;
  }

  // ---- the kernels together ----
  static constexpr bool reads(const kernel_plan& k, int access) {
    if (access == k.contracted_access) return true;
    for (int i = 0; i < k.step_count; ++i) {
      const step& s = k.steps[i];
      if (s.kind == step_kind::load && s.attribute == access) return true;
      if (s.kind == step_kind::product && (s.in[0] == access || s.in[1] == access)) return true;
    }
    return false;
  }
  static constexpr bool stores(const kernel_plan& k, int access) {
    for (int s = 0; s < k.store_count; ++s)
      if (k.stores[s].access == access) return true;
    return false;
  }
  /// kernels[i]: the i-th to run.
  constexpr plan_finding run(const kernel_plan* const* kernels) const {
    if (p.failed >= 0) return {plan_fault::failed, -1, p.failed};
    bool written[Nodes + max_arguments + max_outputs]{}, read[Nodes + max_arguments + max_outputs]{};
    short writer[Nodes + max_arguments + max_outputs]{};  // the launch, or -1
    for (short& launch : writer) launch = -1;
    for (int b = 0; b < p.buffer_count; ++b) {
      if (p.buffers[b].node < 0 || p.buffers[b].node >= g.node_count) return {plan_fault::output, -1, b};
      written[b] = p.buffers[b].kind == planning::buffer_kind::argument;
    }
    for (int r = 0; r < p.root_count; ++r)
      if (p.roots[r].kernel < 0 || p.roots[r].kernel >= p.kernel_count) return {plan_fault::kernel, -1, r};
    for (int number = 0; number < p.kernel_count; ++number) {
      const kernel_plan& k = *kernels[number];
      if (const plan_finding f = kernel(k, number)) return f;
      const short launch = p.launch_of[number], before = number > 0 ? p.launch_of[number - 1] : short(-1);
      if (launch != before && launch != before + 1) return {plan_fault::launch, number};
      if (launch == before && kernels[number - 1]->kind != k.kind) return {plan_fault::launch, number};
      for (int a = 0; a < k.access_count; ++a) {
        const short b = k.accesses[a].buffer;
        if (b < 0) continue;
        if (!reads(k, a) && !stores(k, a)) return {plan_fault::access, number, a};
        if (!reads(k, a)) continue;
        if (!written[b]) return {plan_fault::unwritten, number, b};
        if (writer[b] == launch) return {plan_fault::launch, number, b};
        read[b] = true;
      }
      int roots = 0;
      for (int r = 0; r < p.root_count; ++r) {
        if (p.roots[r].kernel != number) continue;
        ++roots;
        const short b = p.roots[r].buffer, target = b < 0 ? short(-1) : p.buffers[b].copied_from;
        if (b < 0 || b >= p.buffer_count || written[b]) return {plan_fault::written_twice, number, b};
        if (target < 0) continue;
        if (!written[p.state[target].buffer]) return {plan_fault::unwritten, number, target};
        if (writer[p.state[target].buffer] == launch) return {plan_fault::launch, number, target};
        read[p.state[target].buffer] = true;
      }
      if (roots == 0 || roots != k.store_count) return {plan_fault::kernel, number};
      for (int s = 0; s < k.store_count; ++s) {
        const short b = k.accesses[k.stores[s].access].buffer;
        if (written[b]) return {plan_fault::written_twice, number, b};
        written[b] = true, writer[b] = launch;
      }
    }
    if (p.launch_count != (p.kernel_count > 0 ? p.launch_of[p.kernel_count - 1] + 1 : 0))
      return {plan_fault::launch, p.kernel_count};
    for (int o = 0; o < g.output_count; ++o) {
      const planning::buffer_info& b = p.buffers[g.argument_count + o];
      if (b.kind != planning::buffer_kind::output || b.node != g.outputs[o].node || !written[g.argument_count + o])
        return {plan_fault::output, -1, o};
    }
    for (int b = 0; b < p.buffer_count; ++b)
      if (p.buffers[b].kind == planning::buffer_kind::temporary && !read[b]) return {plan_fault::unread, -1, b};
    return {};
  }
};

/// The first thing wrong with a planned function, if anything is.
template <class Source>
constexpr plan_finding verify_plan() {
  return []<int... K>(std::integer_sequence<int, K...>) {
    const kernel_plan* const kernels[] = {&Source::template kernel<K>::k..., nullptr};
    return plan_verifier<std::remove_cvref_t<decltype(Source::graph)>, Source::nodes>{Source::graph, Source::plan}.run(
        kernels);
  }
  (std::make_integer_sequence<int, Source::kernels>{});
}

}  // namespace fuse::verification

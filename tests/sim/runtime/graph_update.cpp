// SPDX-License-Identifier: Apache-2.0
// cudaGraphExecUpdate: what may differ between an executable graph and the graph that it takes over.
#include "graph_update.hpp"

#include <algorithm>
#include <map>

#include "context.hpp"
#include "copy.hpp"

namespace sim::runtime {
namespace {

difference compare_parameters(const plan_node& old, node_state& node) {
  const difference same{cudaGraphExecUpdateSuccess, nullptr, nullptr};
  const auto differs = [&](cudaGraphExecUpdateResult how) { return difference{how, &node, nullptr}; };
  if (const auto* kernel = std::get_if<kernel_work>(&old.what)) {
    const auto& now = std::get<kernel_work>(node.what);
    const bool attributes = kernel->cooperative == now.cooperative && kernel->cluster.x == now.cluster.x &&
                            kernel->cluster.y == now.cluster.y && kernel->cluster.z == now.cluster.z;
    return attributes ? same : differs(cudaGraphExecUpdateErrorAttributesChanged);
  }
  if (const auto* copy = std::get_if<copy_work>(&old.what)) {
    const auto& now = std::get<copy_work>(node.what);
    if (copy->height * copy->depth != 1 || now.height * now.depth != 1) {
      const bool identical = copy->destination == now.destination && copy->source == now.source &&
                             copy->width == now.width && copy->height == now.height && copy->depth == now.depth;
      return identical ? same : differs(cudaGraphExecUpdateErrorParametersChanged);
    }
    const auto before = check_copy(*copy), after = check_copy(now);
    return before.source == after.source && before.destination == after.destination
               ? same
               : differs(cudaGraphExecUpdateErrorParametersChanged);
  }
  if (const auto* fill = std::get_if<fill_work>(&old.what)) {
    const auto& now = std::get<fill_work>(node.what);
    return fill->height == now.height ? same : differs(cudaGraphExecUpdateErrorParametersChanged);
  }
  if (const auto* allocation = std::get_if<allocate_work>(&old.what))
    return allocation->address == std::get<allocate_work>(node.what).address
               ? same
               : differs(cudaGraphExecUpdateErrorNotSupported);
  if (const auto* child = std::get_if<child_work>(&old.what))
    return compare(*child->plan, *std::get<child_work>(node.what).graph);
  if (const auto* conditional = std::get_if<conditional_work>(&old.what)) {
    const auto& now = std::get<conditional_work>(node.what);
    if (conditional->type != now.type || conditional->plans.size() != now.bodies.size())
      return differs(cudaGraphExecUpdateErrorParametersChanged);
    for (std::size_t i = 0; i < now.bodies.size(); ++i)
      if (const auto found = compare(*conditional->plans[i], *now.bodies[i]); found.what != cudaGraphExecUpdateSuccess)
        return found;
  }
  return same;
}

}  // namespace

difference compare(const graph_plan& plan, const graph_state& graph) {
  if (plan.nodes.size() != graph.nodes.size()) return {cudaGraphExecUpdateErrorTopologyChanged, nullptr, nullptr};
  std::map<const node_state*, std::size_t> index;
  for (const auto& node : graph.nodes) index.emplace(node.get(), index.size());
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    node_state& node = *graph.nodes[i];
    const plan_node& old = plan.nodes[i];
    if (old.what.index() != node.what.index()) return {cudaGraphExecUpdateErrorNodeTypeChanged, &node, nullptr};
    for (const auto& edge : node.after) {
      const bool found = std::any_of(old.after.begin(), old.after.end(), [&](const plan_edge& before) {
        return before.from == index.at(edge.from) &&
               before.programmatic == (edge.data.type == cudaGraphDependencyTypeProgrammatic);
      });
      if (!found) return {cudaGraphExecUpdateErrorTopologyChanged, &node, edge.from};
    }
    if (old.after.size() != node.after.size()) return {cudaGraphExecUpdateErrorTopologyChanged, &node, nullptr};
    if (const auto found = compare_parameters(old, node); found.what != cudaGraphExecUpdateSuccess) return found;
  }
  return {cudaGraphExecUpdateSuccess, nullptr, nullptr};
}

void keep_identity(graph_plan& now, const graph_plan& before) {
  for (std::size_t i = 0; i < now.nodes.size(); ++i) {
    now.nodes[i].source = before.nodes[i].source;
    now.nodes[i].enabled = before.nodes[i].enabled;
    if (auto* child = std::get_if<child_work>(&now.nodes[i].what))
      keep_identity(*child->plan, *std::get<child_work>(before.nodes[i].what).plan);
    if (auto* conditional = std::get_if<conditional_work>(&now.nodes[i].what))
      for (std::size_t b = 0; b < conditional->plans.size(); ++b)
        keep_identity(*conditional->plans[b], *std::get<conditional_work>(before.nodes[i].what).plans[b]);
  }
}

}  // namespace sim::runtime

using namespace sim::runtime;

extern "C" {

cudaError_t cudaGraphExecUpdate(cudaGraphExec_t handle, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* result) {
  return entry(__func__, {}, [&](lock_type&) {
    exec_state& exec = the().graphs->of(handle);
    const auto replacement = the().graphs->of(graph);
    const auto found = compare(*exec.plan, *replacement);
    if (result != nullptr)
      *result = {.result = found.what, .errorNode = handle_of(found.node), .errorFromNode = handle_of(found.from)};
    // The caller is expected to instantiate anew, so this says nothing on standard error.
    if (found.what != cudaGraphExecUpdateSuccess) throw plain_error{cudaErrorGraphExecUpdateFailure};
    const auto plan = make_plan(*replacement);
    keep_identity(*plan, *exec.plan);
    exec.plan = plan;
    return cudaSuccess;
  });
}

}  // extern "C"

// SPDX-License-Identifier: Apache-2.0
// From a graph to an executable plan, and its run.
#include <algorithm>
#include <unordered_map>

#include "context.hpp"
#include "graph.hpp"

namespace sim::runtime {
namespace {

bool runs_in_some_order(const graph_plan& plan) {
  std::vector<std::vector<std::size_t>> dependents(plan.nodes.size());
  std::vector<std::size_t> missing, ready;
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    missing.push_back(plan.nodes[i].after.size());
    if (missing.back() == 0) ready.push_back(i);
    for (const auto& edge : plan.nodes[i].after) dependents[edge.from].push_back(i);
  }
  std::size_t placed = 0;
  for (; !ready.empty(); ++placed) {
    const std::size_t at = ready.back();
    ready.pop_back();
    for (const std::size_t dependent : dependents[at])
      if (--missing[dependent] == 0) ready.push_back(dependent);
  }
  return placed == plan.nodes.size();
}

}  // namespace

std::shared_ptr<graph_plan> make_plan(const graph_state& graph) {
  auto plan = std::make_shared<graph_plan>();
  plan->conditions = graph.conditions;
  std::unordered_map<const node_state*, std::size_t> index;
  for (const auto& node : graph.nodes) index[node.get()] = index.size();
  for (const auto& node : graph.nodes) {
    plan_node planned{.source = node->id, .what = node->what, .after = {}};
    if (auto* child = std::get_if<child_work>(&planned.what)) child->plan = make_plan(*child->graph);
    if (auto* conditional = std::get_if<conditional_work>(&planned.what))
      for (const auto& body : conditional->bodies) conditional->plans.push_back(make_plan(*body));
    for (const auto& edge : node->after) {
      const bool programmatic = edge.data.type == cudaGraphDependencyTypeProgrammatic;
      planned.after.push_back({index.at(edge.from), programmatic});
      if (auto* kernel = std::get_if<kernel_work>(&planned.what); kernel != nullptr && programmatic)
        kernel->programmatic = true;
    }
    plan->nodes.push_back(std::move(planned));
  }
  require(runs_in_some_order(*plan), cudaErrorInvalidValue, "the graph has a cycle");
  return plan;
}

std::shared_ptr<graph_plan> copy_plan(const graph_plan& plan) {
  auto copy = std::make_shared<graph_plan>(plan);
  for (auto& node : copy->nodes) {
    if (auto* child = std::get_if<child_work>(&node.what)) child->plan = copy_plan(*child->plan);
    if (auto* conditional = std::get_if<conditional_work>(&node.what))
      for (auto& body : conditional->plans) body = copy_plan(*body);
  }
  return copy;
}

namespace {

// Which of the ready nodes runs next: as the schedule says for streams.
std::size_t choose(std::vector<std::size_t>& ready) {
  std::size_t at = 0;
  {
    lock_type lock(the().mutex);
    const auto how = the().queue.current_schedule().how;
    if (how == schedule::kind::random)
      at = the().queue.next_random() % ready.size();
    else
      at = static_cast<std::size_t>((how == schedule::kind::late ? std::max_element(ready.begin(), ready.end())
                                                                 : std::min_element(ready.begin(), ready.end())) -
                                    ready.begin());
  }
  const std::size_t chosen = ready[at];
  ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(at));
  return chosen;
}

bool device_stopped() {
  lock_type lock(the().mutex);
  return the().sticky != cudaSuccess;
}

}  // namespace

void run_plan(const graph_plan& plan, run_place place) {
  place.in_graph = true;
  for (const auto& value : plan.conditions) {
    if (value.flags & cudaGraphCondAssignDefault)
      the().device_memory.write(value.cell->address, &value.initial, sizeof value.initial);
  }
  const std::size_t count = plan.nodes.size();
  std::vector<std::vector<std::size_t>> dependents(count);
  std::vector<std::size_t> missing(count), ready;
  for (std::size_t i = 0; i < count; ++i) {
    missing[i] = plan.nodes[i].after.size();
    if (missing[i] == 0) ready.push_back(i);
    for (const auto& edge : plan.nodes[i].after) dependents[edge.from].push_back(i);
  }
  std::vector<in_flight> left(count);
  while (!ready.empty() && !device_stopped()) {
    const std::size_t at = choose(ready);
    const plan_node& node = plan.nodes[at];
    in_flight before;
    for (const auto& edge : node.after) {
      if (!edge.programmatic) continue;
      before.written.insert(before.written.end(), left[edge.from].written.begin(), left[edge.from].written.end());
      before.read.insert(before.read.end(), left[edge.from].read.begin(), left[edge.from].read.end());
    }
    if (node.enabled) left[at] = execute(node.what, before, place);
    for (const std::size_t dependent : dependents[at])
      if (--missing[dependent] == 0) ready.push_back(dependent);
  }
}

}  // namespace sim::runtime

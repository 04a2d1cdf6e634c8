// SPDX-License-Identifier: Apache-2.0
// From a graph to an executable plan, and its run.
#include <algorithm>
#include <unordered_map>

#include "context.hpp"
#include "graph.hpp"
#include "launch.hpp"

namespace sim::runtime {
namespace {

// The nodes in an order that the edges allow; fewer than all of them if there is a cycle.
std::vector<std::size_t> some_order(const graph_plan& plan) {
  std::vector<std::vector<std::size_t>> dependents(plan.nodes.size());
  std::vector<std::size_t> missing, ready, order;
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    missing.push_back(plan.nodes[i].after.size());
    if (missing.back() == 0) ready.push_back(i);
    for (const auto& edge : plan.nodes[i].after) dependents[edge.from].push_back(i);
  }
  while (!ready.empty()) {
    order.push_back(ready.back());
    ready.pop_back();
    for (const std::size_t dependent : dependents[order.back()])
      if (--missing[dependent] == 0) ready.push_back(dependent);
  }
  return order;
}

std::shared_ptr<const std::vector<std::vector<bool>>> reachability(const graph_plan& plan,
                                                                   const std::vector<std::size_t>& order) {
  const std::size_t count = plan.nodes.size();
  auto comes_after = std::make_shared<std::vector<std::vector<bool>>>(count, std::vector<bool>(count));
  for (const std::size_t at : order)
    for (const auto& edge : plan.nodes[at].after) {
      auto& mine = (*comes_after)[at];
      const auto& theirs = (*comes_after)[edge.from];
      for (std::size_t i = 0; i < count; ++i)
        if (theirs[i]) mine[i] = true;
      mine[edge.from] = true;
    }
  return comes_after;
}

}  // namespace

std::shared_ptr<graph_plan> make_plan(const graph_state& graph) {
  auto plan = std::make_shared<graph_plan>();
  plan->conditions = graph.conditions;
  plan->objects = graph.objects;
  std::unordered_map<const node_state*, std::size_t> index;
  for (const auto& node : graph.nodes) index[node.get()] = index.size();
  for (const auto& node : graph.nodes) {
    plan_node planned{.source = node->id, .what = node->what, .after = {}};
    // The limits that are in force now count, not those of the day the node was made.
    if (const auto* kernel = std::get_if<kernel_work>(&planned.what)) check_launch(*kernel);
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
  const auto order = some_order(*plan);
  require(order.size() == plan->nodes.size(), cudaErrorInvalidValue, "the graph has a cycle");
  if (order.size() <= reachability_limit) plan->comes_after = reachability(*plan, order);
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

void check_order(const graph_plan& plan, std::size_t at, const touched& bytes, access_history& history) {
  const toucher self{at, 0, std::make_shared<std::string>(describe(plan.nodes[at].what) + " of a graph")};
  const auto found = history.enter(bytes, self, [&](const toucher& earlier) {
    return earlier.chain == at || (*plan.comes_after)[at][earlier.chain];
  });
  if (found) {
    lock_type lock(the().mutex);
    report_unordered(*found, *self.what, "add an edge (or, in a capture, an event) between the two nodes");
  }
}

}  // namespace

touched run_plan(const graph_plan& plan, run_place place) {
  place.in_graph = true;
  touched all;
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
  std::vector<flight> in_flight(count);
  access_history history;
  while (!ready.empty() && !device_stopped()) {
    const std::size_t at = choose(ready);
    const plan_node& node = plan.nodes[at];
    for (const auto& edge : node.after)
      if (edge.programmatic) merge(in_flight[at], in_flight[edge.from]);
    if (node.enabled) {
      const touched bytes = execute(node.what, in_flight[at], place);
      merge(all, bytes);
      if (plan.comes_after) check_order(plan, at, bytes, history);
    }
    for (const std::size_t dependent : dependents[at])
      if (--missing[dependent] == 0) ready.push_back(dependent);
  }
  simplify(all);
  return all;
}

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
#include "graph.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "context.hpp"
#include "copy.hpp"
#include "launch.hpp"

namespace sim::runtime {

graph_allocation::~graph_allocation() {
  context& state = the();
  state.history.forget({address, address + bytes});
  state.blocks.remove(address, "the end of its graph");
  state.device_memory.free(address);
}

graph_state::~graph_state() {
  for (const auto& node : nodes) the().graphs->forget_node(node.get());
  the().graphs->forget_graph(this);
}

cudaGraph_t graph_registry::create() {
  auto made = std::make_shared<graph_state>();
  made->id = next_id();
  return adopt(std::move(made));
}

cudaGraph_t graph_registry::adopt(std::shared_ptr<graph_state> graph) {
  graph_state* const key = graph.get();
  embedded_.erase(key);
  graphs_[key] = std::move(graph);
  return handle_of(key);
}

void graph_registry::lend(const std::shared_ptr<graph_state>& graph) { embedded_[graph.get()] = graph; }

void graph_registry::destroy(cudaGraph_t handle) {
  const auto found = graphs_.find(reinterpret_cast<graph_state*>(handle));
  if (found == graphs_.end())
    throw refusal(
        cudaErrorInvalidValue,
        "the handle is not a graph of the program (a child graph and a conditional's body belong to their node), "
        "or was destroyed");
  graphs_.erase(found);
}

std::shared_ptr<graph_state> graph_registry::of(cudaGraph_t handle) {
  auto* const key = reinterpret_cast<graph_state*>(handle);
  if (const auto found = graphs_.find(key); found != graphs_.end()) return found->second;
  if (const auto found = embedded_.find(key); found != embedded_.end())
    if (auto graph = found->second.lock()) return graph;
  throw refusal(cudaErrorInvalidValue, "the handle is not a graph, or was destroyed");
}

node_state& graph_registry::of(cudaGraphNode_t handle) {
  auto* const key = reinterpret_cast<node_state*>(handle);
  if (!nodes_.contains(key))
    throw refusal(cudaErrorInvalidValue, "the handle is not a node, or its graph was destroyed");
  return *key;
}

exec_state& graph_registry::of(cudaGraphExec_t handle) {
  const auto found = execs_.find(reinterpret_cast<exec_state*>(handle));
  if (found == execs_.end())
    throw refusal(cudaErrorInvalidValue, "the handle is not an executable graph, or was destroyed");
  return *found->second;
}

cudaGraphExec_t graph_registry::create_exec(exec_state made) {
  auto kept = std::make_unique<exec_state>(std::move(made));
  exec_state* const key = kept.get();
  execs_[key] = std::move(kept);
  return reinterpret_cast<cudaGraphExec_t>(key);
}

void graph_registry::destroy_exec(cudaGraphExec_t handle) {
  std::erase_if(destroyed_in_flight_, [](const auto& one) { return one.second->done; });
  if (const exec_state& exec = of(handle); exec.last_launch && !exec.last_launch->done)
    destroyed_in_flight_[exec.graph] = exec.last_launch;
  execs_.erase(reinterpret_cast<exec_state*>(handle));
}

bool graph_registry::has_instance(std::uint64_t graph, bool in_flight_counts) const {
  const auto made_of_it = [&](const auto& exec) { return exec.second->graph == graph; };
  if (std::any_of(execs_.begin(), execs_.end(), made_of_it)) return true;
  const auto found = destroyed_in_flight_.find(graph);
  return in_flight_counts && found != destroyed_in_flight_.end() && !found->second->done;
}

node_state& add_node(graph_state& graph, work what, std::vector<graph_edge> after) {
  for (std::size_t i = 0; i < after.size(); ++i) {
    require(after[i].from->owner == &graph, cudaErrorInvalidValue, "a dependency is a node of another graph");
    for (std::size_t j = 0; j < i; ++j)
      require(after[i].from != after[j].from, cudaErrorInvalidValue, "a dependency is given twice");
    if (after[i].data.type == cudaGraphDependencyTypeProgrammatic)
      require(std::holds_alternative<kernel_work>(after[i].from->what) && std::holds_alternative<kernel_work>(what),
              cudaErrorInvalidValue, "a programmatic edge joins two kernel nodes");
  }
  auto made = std::make_unique<node_state>();
  made->owner = &graph;
  made->id = made->origin = the().graphs->next_id();
  made->what = std::move(what);
  made->after = std::move(after);
  node_state& added = *made;
  graph.nodes.push_back(std::move(made));
  the().graphs->remember_node(&added);
  return added;
}

bool reaches(const node_state& earlier, const node_state& later) {
  std::vector<const node_state*> unvisited{&later};
  std::set<const node_state*> visited;
  while (!unvisited.empty()) {
    const node_state* const at = unvisited.back();
    unvisited.pop_back();
    for (const auto& edge : at->after) {
      if (edge.from == &earlier) return true;
      if (visited.insert(edge.from).second) unvisited.push_back(edge.from);
    }
  }
  return false;
}

std::shared_ptr<graph_state> clone(const graph_state& graph) {
  auto copy = std::make_shared<graph_state>();
  copy->id = the().graphs->next_id();
  copy->origin = graph.id;
  copy->objects = graph.objects;
  std::unordered_map<const node_state*, node_state*> copies;
  for (const auto& node : graph.nodes) {
    if (std::holds_alternative<conditional_work>(node->what))
      throw refusal(cudaErrorNotSupported, "a graph with conditional nodes can be neither cloned nor embedded");
    if (std::holds_alternative<allocate_work>(node->what))
      throw refusal(cudaErrorNotSupported, "a graph with allocation nodes can be neither cloned nor embedded");
    work what = node->what;
    if (auto* child = std::get_if<child_work>(&what)) {
      child->graph = clone(*child->graph);
      child->graph->embedded = true;
      the().graphs->lend(child->graph);
    }
    node_state& added = add_node(*copy, std::move(what), {});
    added.origin = node->id;
    if (node->early != early_place::none) added.early = early_place::child;
    copies[node.get()] = &added;
  }
  for (const auto& node : graph.nodes)
    for (const auto& edge : node->after) copies[node.get()]->after.push_back({copies.at(edge.from), edge.data});
  return copy;
}

kernel_work work_from(const cudaKernelNodeParams& parameters) {
  require(parameters.extra == nullptr, cudaErrorNotSupported,
          "kernel arguments in the `extra` form are not simulated; pass kernelParams");
  return make_launch(parameters.func, parameters.gridDim, parameters.blockDim, parameters.kernelParams,
                     parameters.sharedMemBytes);
}

copy_work work_from(const cudaMemcpy3DParms& parameters) {
  copy_work copy = volume_copy(parameters);
  require(copy.bytes() != 0, cudaErrorInvalidValue, "a copy node needs a width, a height and a depth");
  check_copy(copy);
  return copy;
}

copy_work flat_node_copy(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind kind) {
  require(bytes != 0, cudaErrorInvalidValue, "a copy node needs bytes");
  copy_work copy = flat_copy(destination, source, bytes, kind);
  check_copy(copy);
  return copy;
}

fill_work work_from(const cudaMemsetParams& p) {
  require(p.elementSize == 1 || p.elementSize == 2 || p.elementSize == 4, cudaErrorInvalidValue,
          "elements of a fill have 1, 2 or 4 bytes");
  require(p.width != 0 && p.height != 0, cudaErrorInvalidValue, "a fill node needs a width and a height");
  require(p.height == 1 || p.pitch >= p.width * p.elementSize, cudaErrorInvalidValue,
          "the pitch is less than the width of a row");
  const std::size_t row = p.width * p.elementSize;
  require(locate(p.dst, p.height == 1 ? row : p.pitch * (p.height - 1) + row, "the destination") != place::pageable,
          cudaErrorInvalidValue, "the destination is ordinary host memory");
  return {.destination = p.dst,
          .pitch = p.pitch,
          .value = p.value,
          .element_bytes = p.elementSize,
          .width = p.width,
          .height = p.height};
}

host_work work_from(const cudaHostNodeParams& parameters) {
  require(parameters.fn != nullptr, cudaErrorInvalidValue, "the host function is null");
  return {parameters.fn, parameters.userData};
}

work work_from(const cudaGraphNodeParams& parameters) {
  switch (parameters.type) {
    case cudaGraphNodeTypeKernel: {
      const auto& k = parameters.kernel;
      return work_from(cudaKernelNodeParams{.func = k.func,
                                            .gridDim = k.gridDim,
                                            .blockDim = k.blockDim,
                                            .sharedMemBytes = k.sharedMemBytes,
                                            .kernelParams = k.kernelParams,
                                            .extra = k.extra});
    }
    case cudaGraphNodeTypeMemcpy:
      return work_from(parameters.memcpy.copyParams);
    case cudaGraphNodeTypeMemset: {
      const auto& m = parameters.memset;
      return work_from(cudaMemsetParams{.dst = m.dst,
                                        .pitch = m.pitch,
                                        .value = m.value,
                                        .elementSize = m.elementSize,
                                        .width = m.width,
                                        .height = m.height});
    }
    case cudaGraphNodeTypeHost:
      return work_from(cudaHostNodeParams{parameters.host.fn, parameters.host.userData});
    case cudaGraphNodeTypeEmpty:
      return empty_work{};
    case cudaGraphNodeTypeEventRecord:
      return record_work{&the().streams.of(parameters.eventRecord.event), std::make_shared<double>(0)};
    case cudaGraphNodeTypeWaitEvent:
      return wait_work{&the().streams.of(parameters.eventWait.event)};
    default:
      throw refusal(cudaErrorNotSupported, "nodes of this type are not made this way");
  }
}

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// Graphs as the program builds them, and the plans that executable graphs run.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "early_rules.hpp"
#include "work.hpp"

namespace sim::runtime {

struct node_state;

struct graph_edge {
  node_state* from = nullptr;
  cudaGraphEdgeData data{};
};

struct node_state {
  graph_state* owner = nullptr;
  std::uint64_t id = 0;      // never used twice, unlike the node's address
  std::uint64_t origin = 0;  // of a clone: the id of the node it was cloned from
  work what;
  std::vector<graph_edge> after;
  early_place early = early_place::none;  // of a kernel that was captured with programmatic stream serialization
  std::vector<void*> lent_parameters;     // the array that cudaGraphKernelNodeGetParams lends out
  std::vector<cudaGraph_t> lent_bodies;   // the array that a conditional node gives to the program
};

// Device memory of an allocation node or a condition; it keeps its address as long as a graph or a plan knows it.
struct graph_allocation {
  std::uint64_t address = 0;
  std::size_t bytes = 0;
  graph_allocation(std::uint64_t address, std::size_t bytes) : address(address), bytes(bytes) {}
  graph_allocation(const graph_allocation&) = delete;
  ~graph_allocation();
};

// The value that a conditional node tests: four bytes of device memory, whose address is the handle.
struct condition {
  std::shared_ptr<graph_allocation> cell;
  unsigned initial = 0, flags = 0;
};

struct user_object;
void release_user_object(user_object* object, unsigned count);

// References to a user object that a graph, and the plans made from it, hold together.
struct user_reference {
  user_object* object = nullptr;
  unsigned count = 0;
  user_reference(user_object* object, unsigned count) : object(object), count(count) {}
  user_reference(const user_reference&) = delete;
  ~user_reference() { release_user_object(object, count); }
};

struct graph_state {
  std::uint64_t id = 0;
  std::uint64_t origin = 0;  // of a clone
  bool embedded = false;     // a child graph or the body of a conditional: not the program's to destroy
  bool is_body = false;      // of a conditional
  std::vector<std::unique_ptr<node_state>> nodes;  // in order of creation
  std::vector<condition> conditions;
  std::vector<std::shared_ptr<user_reference>> objects;
  ~graph_state();
};

struct plan_edge {
  std::size_t from = 0;  // index in the plan
  bool programmatic = false;
};

struct plan_node {
  std::uint64_t source = 0;  // id of the graph's node
  work what;
  std::vector<plan_edge> after;
  bool enabled = true;
};

struct graph_plan {
  std::vector<plan_node> nodes;  // in the order of the graph's nodes
  std::vector<condition> conditions;
  std::vector<std::shared_ptr<user_reference>> objects;
  // [node][other]: the other comes before. Not kept for graphs of more than reachability_limit nodes.
  std::shared_ptr<const std::vector<std::vector<bool>>> comes_after;
};
inline constexpr std::size_t reachability_limit = 4096;

struct exec_state {
  std::uint64_t id = 0;
  std::uint64_t graph = 0;  // id of the graph it came from
  unsigned long long flags = 0;
  std::shared_ptr<graph_plan> plan;  // shared with launches that have not run yet: copied before a change
  ticket last_launch;                // two launches of one executable graph never overlap
};

class graph_registry {
 public:
  cudaGraph_t create();
  cudaGraph_t adopt(std::shared_ptr<graph_state> graph);  // a captured graph becomes the program's
  void lend(const std::shared_ptr<graph_state>& graph);   // an embedded graph's handle becomes valid
  void destroy(cudaGraph_t handle);
  // Each throws a refusal (invalid value) for what is not alive.
  std::shared_ptr<graph_state> of(cudaGraph_t handle);
  node_state& of(cudaGraphNode_t handle);
  exec_state& of(cudaGraphExec_t handle);
  cudaGraphExec_t create_exec(exec_state made);
  void destroy_exec(cudaGraphExec_t handle);
  // Is there an executable graph made of the graph with this id, or one that was destroyed and has not run to its end?
  bool has_instance(std::uint64_t graph, bool in_flight_counts) const;
  void clear() { execs_.clear(), graphs_.clear(), destroyed_in_flight_.clear(); }
  std::size_t live_graphs() const { return graphs_.size(); }
  std::size_t live_execs() const { return execs_.size(); }
  std::uint64_t next_id() { return ++created_; }
  void forget_node(node_state* node) { nodes_.erase(node); }
  void forget_graph(graph_state* graph) { embedded_.erase(graph); }
  void remember_node(node_state* node) { nodes_[node] = node->id; }

 private:
  std::map<graph_state*, std::shared_ptr<graph_state>> graphs_;
  std::map<graph_state*, std::weak_ptr<graph_state>> embedded_;
  std::map<node_state*, std::uint64_t> nodes_;
  std::map<exec_state*, std::unique_ptr<exec_state>> execs_;
  std::map<std::uint64_t, ticket> destroyed_in_flight_;  // by the graph's id: the last launch
  std::uint64_t created_ = 0;
};

inline cudaGraphNode_t handle_of(node_state* node) { return reinterpret_cast<cudaGraphNode_t>(node); }
inline cudaGraph_t handle_of(graph_state* graph) { return reinterpret_cast<cudaGraph_t>(graph); }

// Adds a node; @post it comes after every edge's node. Throws a refusal for edges of other graphs.
node_state& add_node(graph_state& graph, work what, std::vector<graph_edge> after);

// True when `later` can be reached from `earlier`.
bool reaches(const node_state& earlier, const node_state& later);

// A deep copy; nodes know their originals.
std::shared_ptr<graph_state> clone(const graph_state& graph);

// The executable form. Throws a refusal for a cycle.
std::shared_ptr<graph_plan> make_plan(const graph_state& graph);
std::shared_ptr<graph_plan> copy_plan(const graph_plan& plan);

// Runs a plan on the worker thread: conditions set to their defaults, nodes in an order that the schedule draws among
// those the edges allow.
// Nodes that touch the same bytes, one of them writing, and that no path of edges orders, are a fault.
touched run_plan(const graph_plan& plan, run_place place);

// The work that the structs of the API describe; each throws a refusal for what is wrong or not supported.
kernel_work work_from(const cudaKernelNodeParams& parameters);
copy_work work_from(const cudaMemcpy3DParms& parameters);
copy_work flat_node_copy(void* destination, const void* source, std::size_t bytes, cudaMemcpyKind kind);
fill_work work_from(const cudaMemsetParams& parameters);
host_work work_from(const cudaHostNodeParams& parameters);
// The work of a node, its kernels' attributes apart, from the union of cudaGraphAddNode and cudaGraphNodeSetParams;
// only for the types above.
work work_from(const cudaGraphNodeParams& parameters);

}  // namespace sim::runtime

// SPDX-License-Identifier: Apache-2.0
// Entry points of executable graphs: instantiate, change, update, launch.
#include <algorithm>

#include "context.hpp"
#include "copy.hpp"
#include "graph_build.hpp"
#include "graph_update.hpp"

using namespace sim::runtime;

namespace {

cudaGraphExec_t instantiate(cudaGraph_t handle, unsigned long long flags) {
  const auto graph = the().graphs->of(handle);
  constexpr unsigned long long known = cudaGraphInstantiateFlagAutoFreeOnLaunch | cudaGraphInstantiateFlagUpload |
                                       cudaGraphInstantiateFlagUseNodePriority;
  require((flags & cudaGraphInstantiateFlagDeviceLaunch) == 0, cudaErrorNotSupported,
          "launches of graphs from the device are not simulated");
  require((flags & ~known) == 0, cudaErrorInvalidValue, "unknown instantiation flags");
  // Source: the restrictions of cudaGraphNodeTypeConditional, and those of graphs with memory nodes.
  const bool once = std::any_of(graph->nodes.begin(), graph->nodes.end(), [](const auto& node) {
    return std::holds_alternative<conditional_work>(node->what) || std::holds_alternative<allocate_work>(node->what) ||
           std::holds_alternative<free_work>(node->what);
  });
  require(!once || !the().graphs->has_instance(graph->id, the().control.in_flight_counts), cudaErrorInvalidValue,
          "only one instantiation of a graph with conditional or memory nodes may exist at any point in time; destroy "
          "the other one first");
  refuse_early_nodes(*graph, early_answer::instantiation, "instantiation");
  exec_state made;
  made.id = the().graphs->next_id();
  made.graph = graph->id;
  made.flags = flags;
  made.plan = make_plan(*graph);
  return the().graphs->create_exec(std::move(made));
}

// The plan, no longer shared with launches that have not run: a launch keeps the parameters it was given.
graph_plan& writable(exec_state& exec) {
  if (exec.plan.use_count() > 1) exec.plan = copy_plan(*exec.plan);
  return *exec.plan;
}

plan_node* find(graph_plan& plan, std::uint64_t source) {
  for (auto& node : plan.nodes) {
    if (node.source == source) return &node;
    if (auto* child = std::get_if<child_work>(&node.what))
      if (auto* found = find(*child->plan, source)) return found;
    if (auto* conditional = std::get_if<conditional_work>(&node.what))
      for (auto& body : conditional->plans)
        if (auto* found = find(*body, source)) return found;
  }
  return nullptr;
}

plan_node& planned(exec_state& exec, cudaGraphNode_t node) {
  plan_node* const found = find(writable(exec), the().graphs->of(node).id);
  require(found != nullptr, cudaErrorInvalidValue, "the node is not of the graph that was instantiated");
  return *found;
}

template <class Work>
Work& planned_work(cudaGraphExec_t exec, cudaGraphNode_t node, const char* expected) {
  Work* const found = std::get_if<Work>(&planned(the().graphs->of(exec), node).what);
  if (found == nullptr)
    throw refusal(cudaErrorInvalidValue, "expected a " + std::string(expected) + " node, got a node of another kind");
  return *found;
}

// A copy in an executable graph keeps the kinds of memory that it was instantiated with.
void replace_copy(copy_work& kept, copy_work copy) {
  const auto before = check_copy(kept), after = check_copy(copy);
  require(before.source == after.source && before.destination == after.destination, cudaErrorInvalidValue,
          "the kinds of memory of a copy cannot change after instantiation");
  require(kept.height * kept.depth == 1 && copy.height * copy.depth == 1, cudaErrorInvalidValue,
          "only one-dimensional copies can change after instantiation");
  kept = std::move(copy);
}

void replace_fill(fill_work& kept, const fill_work& fill) {
  require(kept.height == 1 && fill.height == 1, cudaErrorInvalidValue,
          "only one-dimensional fills can change after instantiation");
  kept = fill;
}

// What a launch in a capturing stream embeds: a graph with the plan's present parameters.
std::shared_ptr<graph_state> graph_of(const graph_plan& plan) {
  auto graph = std::make_shared<graph_state>();
  graph->id = the().graphs->next_id();
  graph->embedded = true;
  the().graphs->lend(graph);
  for (const auto& node : plan.nodes) {
    require(!std::holds_alternative<conditional_work>(node.what), cudaErrorNotSupported,
            "a graph with conditional nodes cannot be embedded");
    work what = node.what;
    if (auto* child = std::get_if<child_work>(&what)) child->graph = graph_of(*child->plan);
    add_node(*graph, std::move(what), {});
  }
  for (std::size_t i = 0; i < plan.nodes.size(); ++i)
    for (const auto& edge : plan.nodes[i].after) {
      cudaGraphEdgeData data{};
      if (edge.programmatic)
        data.from_port = cudaGraphKernelNodePortProgrammatic, data.type = cudaGraphDependencyTypeProgrammatic;
      graph->nodes[i]->after.push_back({graph->nodes[edge.from].get(), data});
    }
  return graph;
}

// Calls visit for every node of a plan, nested ones too.
template <class Visit>
void for_each_node(const graph_plan& plan, Visit visit) {
  for (const auto& node : plan.nodes) {
    visit(node);
    if (const auto* child = std::get_if<child_work>(&node.what)) for_each_node(*child->plan, visit);
  }
}

cudaError_t launch(lock_type& lock, cudaGraphExec_t handle, cudaStream_t stream_handle) {
  exec_state& exec = the().graphs->of(handle);
  stream_state& stream = the().streams.of(stream_handle);
  if (stream.capture) {
    issue(lock, stream, child_work{.graph = graph_of(*exec.plan), .plan = nullptr});
    return cudaSuccess;
  }
  if (stream.legacy) refuse_implicit_dependency();
  std::vector<ticket> after{exec.last_launch};
  std::vector<const record_work*> records;
  for_each_node(*exec.plan, [&](const plan_node& node) {
    if (const auto* wait = std::get_if<wait_work>(&node.what))
      after.push_back(the().streams.of(reinterpret_cast<cudaEvent_t>(wait->event)).recorded);
    if (const auto* record = std::get_if<record_work>(&node.what)) {
      the().streams.of(reinterpret_cast<cudaEvent_t>(record->event));
      records.push_back(record);
    }
  });
  const run_place place{.stream = stream.id, .in_graph = true};
  // An event that a node records counts as done when the whole launch is: later than on a device, never earlier.
  const ticket queued = enqueue(
      lock, stream, "graph launch", [plan = exec.plan, place] { return run_plan(*plan, place); }, std::move(after));
  exec.last_launch = queued;
  for (const auto* record : records) {
    record->event->recorded = queued;
    record->event->time = record->time;
    record->event->capture_id = 0;
  }
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(exec != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *exec = instantiate(graph, flags);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(exec != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *exec = instantiate(graph, flags);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiateWithParams(cudaGraphExec_t* exec, cudaGraph_t graph,
                                           cudaGraphInstantiateParams* parameters) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type&) {
    require(exec != nullptr && parameters != nullptr, cudaErrorInvalidValue, "the result or the parameters are null");
    parameters->errNode_out = nullptr;
    parameters->result_out = cudaGraphInstantiateError;
    if (parameters->flags & cudaGraphInstantiateFlagUpload) the().streams.of(parameters->uploadStream);
    *exec = instantiate(graph, parameters->flags);
    parameters->result_out = cudaGraphInstantiateSuccess;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecGetFlags(cudaGraphExec_t exec, unsigned long long* flags) {
  return entry(__func__, {}, [&](lock_type&) {
    *flags = the().graphs->of(exec).flags;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return entry(__func__, {.releases = true, .after_fault = true}, [&](lock_type&) {
    the().graphs->destroy_exec(exec);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream) {
  return entry(__func__, {.unsettled_in_capture = true}, [&](lock_type& lock) {
    the().graphs->of(exec);
    stream_state& in = the().streams.of(stream);
    refuse_in_capture(in, "upload a graph in");
    enqueue(lock, in, "graph upload", [] { return touched{}; });
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return entry(__func__, {}, [&](lock_type& lock) { return launch(lock, exec, stream); });
}

cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    const early_place early = the().graphs->of(node).early;
    require(early == early_place::none || the().control.early(early) != early_answer::update, cudaErrorNotSupported,
            "the rules in force refuse an update of an early launch");
    replace_launch(planned_work<kernel_work>(exec, node, "kernel"), work_from(*parameters));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecMemcpyNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                             const cudaMemcpy3DParms* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    replace_copy(planned_work<copy_work>(exec, node, "memcpy"), work_from(*parameters));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecMemcpyNodeSetParams1D(cudaGraphExec_t exec, cudaGraphNode_t node, void* destination,
                                               const void* source, std::size_t bytes, cudaMemcpyKind kind) {
  return entry(__func__, {}, [&](lock_type&) {
    replace_copy(planned_work<copy_work>(exec, node, "memcpy"), flat_node_copy(destination, source, bytes, kind));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecMemsetNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                             const cudaMemsetParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    replace_fill(planned_work<fill_work>(exec, node, "memset"), work_from(*parameters));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecHostNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                           const cudaHostNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    planned_work<host_work>(exec, node, "host") = work_from(*parameters);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecEventRecordNodeSetEvent(cudaGraphExec_t exec, cudaGraphNode_t node, cudaEvent_t event) {
  return entry(__func__, {}, [&](lock_type&) {
    planned_work<record_work>(exec, node, "event record").event = &the().streams.of(event);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecEventWaitNodeSetEvent(cudaGraphExec_t exec, cudaGraphNode_t node, cudaEvent_t event) {
  return entry(__func__, {}, [&](lock_type&) {
    planned_work<wait_work>(exec, node, "event wait").event = &the().streams.of(event);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecChildGraphNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node, cudaGraph_t graph) {
  return entry(__func__, {}, [&](lock_type&) {
    auto& child = planned_work<child_work>(exec, node, "child graph");
    const auto replacement = the().graphs->of(graph);
    require(compare(*child.plan, *replacement).what == cudaGraphExecUpdateSuccess, cudaErrorGraphExecUpdateFailure,
            "the child graph differs from the one that was instantiated in more than parameters");
    refuse_early_nodes(*std::get<child_work>(the().graphs->of(node).what).graph, early_answer::update,
                       "an update of a child graph");
    const auto plan = make_plan(*replacement);
    keep_identity(*plan, *child.plan);
    child.plan = plan;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node, cudaGraphNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    plan_node& changed = planned(the().graphs->of(exec), node);
    require(parameters != nullptr && parameters->type == node_type(changed.what), cudaErrorInvalidValue,
            "the parameters are of another type than the node");
    work replacement = work_from(*parameters);
    if (auto* kernel = std::get_if<kernel_work>(&replacement))
      replace_launch(std::get<kernel_work>(changed.what), std::move(*kernel));
    else if (auto* copy = std::get_if<copy_work>(&replacement))
      replace_copy(std::get<copy_work>(changed.what), std::move(*copy));
    else if (auto* fill = std::get_if<fill_work>(&replacement))
      replace_fill(std::get<fill_work>(changed.what), *fill);
    else
      changed.what = std::move(replacement);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphNodeSetEnabled(cudaGraphExec_t exec, cudaGraphNode_t node, unsigned enabled) {
  return entry(__func__, {}, [&](lock_type&) {
    plan_node& changed = planned(the().graphs->of(exec), node);
    const auto type = node_type(changed.what);
    require(type == cudaGraphNodeTypeKernel || type == cudaGraphNodeTypeMemcpy || type == cudaGraphNodeTypeMemset,
            cudaErrorInvalidValue, "only kernel, memcpy and memset nodes can be switched off");
    changed.enabled = enabled != 0;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphNodeGetEnabled(cudaGraphExec_t exec, cudaGraphNode_t node, unsigned* enabled) {
  return entry(__func__, {}, [&](lock_type&) {
    *enabled = planned(the().graphs->of(exec), node).enabled;
    return cudaSuccess;
  });
}

}  // extern "C"

// SPDX-License-Identifier: Apache-2.0
// Entry points of the other nodes: child graphs, events, memory, conditions, and the one that adds any node.
#include <algorithm>

#include "graph_build.hpp"

using namespace sim::runtime;

namespace {

child_work embed(cudaGraph_t graph) {
  child_work child{.graph = clone(*the().graphs->of(graph)), .plan = nullptr};
  child.graph->embedded = true;
  the().graphs->lend(child.graph);
  refuse_early_nodes(*child.graph, early_answer::launch, "a child graph");
  refuse_early_nodes(*child.graph, early_answer::invalid, "a child graph");
  return child;
}

std::uint64_t graph_memory(std::size_t bytes, std::shared_ptr<graph_allocation>& held, const char* origin) {
  context& state = the();
  try {
    const auto address = state.device_memory.allocate(bytes);
    held = std::make_shared<graph_allocation>(address, bytes);
    state.blocks.add({.address = address, .bytes = bytes, .kind = block_kind::graph, .origin = origin});
    return address;
  } catch (const sim::memory::out_of_memory& why) {
    throw refusal(cudaErrorMemoryAllocation, why.what());
  }
}

conditional_work make_conditional(graph_state& graph, const cudaConditionalNodeParams& parameters) {
  const auto known = std::any_of(graph.conditions.begin(), graph.conditions.end(),
                                 [&](const condition& c) { return c.cell->address == parameters.handle; });
  require(known, cudaErrorInvalidValue,
          "the handle is not of this graph; make it with cudaGraphConditionalHandleCreate");
  const bool size_fits = parameters.type == cudaGraphCondTypeWhile ? parameters.size == 1
                         : parameters.type == cudaGraphCondTypeIf  ? parameters.size == 1 || parameters.size == 2
                                                                   : parameters.size >= 1;
  require(size_fits, cudaErrorInvalidValue, "a while has 1 body, an if has 1 or 2, a switch at least 1");
  conditional_work conditional{.handle = parameters.handle, .type = parameters.type, .bodies = {}, .plans = {}};
  for (unsigned i = 0; i < parameters.size; ++i) {
    auto body = std::make_shared<graph_state>();
    body->id = the().graphs->next_id();
    body->embedded = body->is_body = true;
    the().graphs->lend(body);
    conditional.bodies.push_back(std::move(body));
  }
  return conditional;
}

}  // namespace

extern "C" {

cudaError_t cudaGraphAddChildGraphNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                       std::size_t count, cudaGraph_t child) {
  return entry(__func__, {}, [&](lock_type&) { return add(node, graph, dependencies, count, embed(child)); });
}

cudaError_t cudaGraphChildGraphNodeGetGraph(cudaGraphNode_t node, cudaGraph_t* graph) {
  return entry(__func__, {}, [&](lock_type&) {
    *graph = handle_of(work_of<child_work>(node, "child graph").graph.get());
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddEmptyNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                  std::size_t count) {
  return entry(__func__, {}, [&](lock_type&) { return add(node, graph, dependencies, count, empty_work{}); });
}

cudaError_t cudaGraphAddEventRecordNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                        std::size_t count, cudaEvent_t event) {
  return entry(__func__, {}, [&](lock_type&) {
    return add(node, graph, dependencies, count, record_work{&the().streams.of(event), std::make_shared<double>(0)});
  });
}

cudaError_t cudaGraphEventRecordNodeGetEvent(cudaGraphNode_t node, cudaEvent_t* event) {
  return entry(__func__, {}, [&](lock_type&) {
    *event = reinterpret_cast<cudaEvent_t>(work_of<record_work>(node, "event record").event);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddEventWaitNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                      std::size_t count, cudaEvent_t event) {
  return entry(__func__, {},
               [&](lock_type&) { return add(node, graph, dependencies, count, wait_work{&the().streams.of(event)}); });
}

cudaError_t cudaGraphEventWaitNodeGetEvent(cudaGraphNode_t node, cudaEvent_t* event) {
  return entry(__func__, {}, [&](lock_type&) {
    *event = reinterpret_cast<cudaEvent_t>(work_of<wait_work>(node, "event wait").event);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddMemAllocNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                     std::size_t count, cudaMemAllocNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr && parameters->bytesize != 0, cudaErrorInvalidValue, "the size is 0");
    allocate_work allocation{.of_graph = nullptr, .address = 0, .bytes = parameters->bytesize};
    allocation.address = graph_memory(parameters->bytesize, allocation.of_graph, "cudaGraphAddMemAllocNode");
    parameters->dptr = pointer_to(allocation.address);
    return add(node, graph, dependencies, count, std::move(allocation));
  });
}

cudaError_t cudaGraphMemAllocNodeGetParams(cudaGraphNode_t node, cudaMemAllocNodeParams* result) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto& allocation = work_of<allocate_work>(node, "allocation");
    *result = {};
    result->poolProps.allocType = cudaMemAllocationTypePinned;
    result->poolProps.location = {.type = cudaMemLocationTypeDevice, .id = 0};
    result->bytesize = allocation.bytes;
    result->dptr = pointer_to(allocation.address);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddMemFreeNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                    std::size_t count, void* pointer) {
  return entry(__func__, {}, [&](lock_type&) {
    const block* const freed = the().blocks.at(address_of(pointer));
    require(freed != nullptr && freed->kind == block_kind::graph, cudaErrorInvalidValue,
            "the pointer is not of an allocation node");
    return add(node, graph, dependencies, count, free_work{address_of(pointer)});
  });
}

cudaError_t cudaGraphMemFreeNodeGetParams(cudaGraphNode_t node, void* pointer) {
  return entry(__func__, {}, [&](lock_type&) {
    *static_cast<void**>(pointer) = pointer_to(work_of<free_work>(node, "free").address);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphConditionalHandleCreate(cudaGraphConditionalHandle* handle, cudaGraph_t graph, unsigned initial,
                                             unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    require(handle != nullptr && (flags == 0 || flags == cudaGraphCondAssignDefault), cudaErrorInvalidValue,
            "flags must be 0 or cudaGraphCondAssignDefault");
    const auto owner = the().graphs->of(graph);
    condition made{.cell = nullptr, .initial = initial, .flags = flags};
    *handle = graph_memory(sizeof(unsigned), made.cell, "cudaGraphConditionalHandleCreate");
    the().device_memory.write(*handle, &initial, sizeof initial);
    owner->conditions.push_back(std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddNode(cudaGraphNode_t* result, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                             const cudaGraphEdgeData* data, std::size_t count, cudaGraphNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    switch (parameters->type) {
      case cudaGraphNodeTypeGraph:
        return add(result, graph, dependencies, count, embed(parameters->graph.graph), data);
      case cudaGraphNodeTypeMemAlloc: {
        allocate_work allocation{.of_graph = nullptr, .address = 0, .bytes = parameters->alloc.bytesize};
        require(allocation.bytes != 0, cudaErrorInvalidValue, "the size is 0");
        allocation.address = graph_memory(allocation.bytes, allocation.of_graph, "cudaGraphAddNode");
        parameters->alloc.dptr = pointer_to(allocation.address);
        return add(result, graph, dependencies, count, std::move(allocation), data);
      }
      case cudaGraphNodeTypeMemFree:
        return add(result, graph, dependencies, count, free_work{address_of(parameters->free.dptr)}, data);
      case cudaGraphNodeTypeConditional: {
        auto conditional = make_conditional(*the().graphs->of(graph), parameters->conditional);
        std::vector<cudaGraph_t> bodies;
        for (const auto& body : conditional.bodies) bodies.push_back(handle_of(body.get()));
        add(result, graph, dependencies, count, std::move(conditional), data);
        auto& lent = the().graphs->of(*result).lent_bodies;
        lent = std::move(bodies);
        parameters->conditional.phGraph_out = lent.data();
        return cudaSuccess;
      }
      default:
        return add(result, graph, dependencies, count, work_from(*parameters), data);
    }
  });
}

}  // extern "C"

// SPDX-License-Identifier: Apache-2.0
// Entry points that build graphs: nodes, their parameters, edges.
#include <algorithm>
#include <cstring>

#include "context.hpp"
#include "graph.hpp"
#include "launch.hpp"

using namespace sim::runtime;

namespace {

std::vector<graph_edge> edges_of(const cudaGraphNode_t* nodes, const cudaGraphEdgeData* data, std::size_t count) {
  require(count == 0 || nodes != nullptr, cudaErrorInvalidValue, "the dependencies are null");
  std::vector<graph_edge> edges;
  for (std::size_t i = 0; i < count; ++i)
    edges.push_back({&the().graphs->of(nodes[i]), data != nullptr ? data[i] : cudaGraphEdgeData{}});
  return edges;
}

// Adds a node and stores its handle.
cudaError_t add(cudaGraphNode_t* result, cudaGraph_t graph, const cudaGraphNode_t* dependencies, std::size_t count,
                work what, const cudaGraphEdgeData* data = nullptr) {
  require(result != nullptr, cudaErrorInvalidValue, "the result pointer is null");
  *result = handle_of(&add_node(*the().graphs->of(graph), std::move(what), edges_of(dependencies, data, count)));
  return cudaSuccess;
}

template <class Work>
Work& work_of(cudaGraphNode_t node, const char* expected) {
  Work* const found = std::get_if<Work>(&the().graphs->of(node).what);
  if (found == nullptr)
    throw refusal(cudaErrorInvalidValue, "expected a " + std::string(expected) + " node, got a node of kind " +
                                             describe(the().graphs->of(node).what));
  return *found;
}

child_work embed(cudaGraph_t graph) {
  child_work child{.graph = clone(*the().graphs->of(graph)), .plan = nullptr};
  child.graph->embedded = true;
  the().graphs->lend(child.graph);
  return child;
}

// Replaces a kernel's launch but keeps the attributes of its node.
void replace_launch(kernel_work& kept, kernel_work launch) {
  launch.programmatic = kept.programmatic;
  launch.cooperative = kept.cooperative;
  launch.priority = kept.priority;
  launch.cluster = kept.cluster;
  kept = std::move(launch);
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
    body->embedded = true;
    the().graphs->lend(body);
    conditional.bodies.push_back(std::move(body));
  }
  return conditional;
}

const cudaGraphEdgeData plain_edge{};

bool same_edge(const cudaGraphEdgeData& a, const cudaGraphEdgeData& b) {
  return a.from_port == b.from_port && a.to_port == b.to_port && a.type == b.type;
}

}  // namespace

extern "C" {

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    require(graph != nullptr && flags == 0, cudaErrorInvalidValue, "the result pointer is null, or flags are not 0");
    *graph = the().graphs->create();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return entry(__func__, {.releases = true, .after_fault = true}, [&](lock_type&) {
    the().graphs->destroy(graph);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphClone(cudaGraph_t* result, cudaGraph_t original) {
  return entry(__func__, {}, [&](lock_type&) {
    require(result != nullptr, cudaErrorInvalidValue, "the result pointer is null");
    *result = the().graphs->adopt(clone(*the().graphs->of(original)));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphNodeFindInClone(cudaGraphNode_t* result, cudaGraphNode_t original, cudaGraph_t cloned) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto id = the().graphs->of(original).id;
    const auto graph = the().graphs->of(cloned);
    for (const auto& node : graph->nodes)
      if (node->origin == id && node->id != id) {
        *result = handle_of(node.get());
        return cudaSuccess;
      }
    throw refusal(cudaErrorInvalidValue, "the graph has no clone of this node");
  });
}

cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                   std::size_t count, const cudaKernelNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    return add(node, graph, dependencies, count, work_from(*parameters));
  });
}

cudaError_t cudaGraphKernelNodeGetParams(cudaGraphNode_t node, cudaKernelNodeParams* result) {
  return entry(__func__, {}, [&](lock_type&) {
    auto& kernel = work_of<kernel_work>(node, "kernel");
    auto& lent = the().graphs->of(node).lent_parameters;
    lent.clear();
    for (const auto& parameter : kernel.kernel->code->parameters)
      lent.push_back(kernel.parameters.data() + parameter.offset);
    *result = {.func = const_cast<void*>(kernel.kernel->stub),
               .gridDim = kernel.grid,
               .blockDim = kernel.block,
               .sharedMemBytes = static_cast<unsigned>(kernel.dynamic_shared_bytes),
               .kernelParams = lent.data(),
               .extra = nullptr};
    return cudaSuccess;
  });
}

cudaError_t cudaGraphKernelNodeSetParams(cudaGraphNode_t node, const cudaKernelNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    replace_launch(work_of<kernel_work>(node, "kernel"), work_from(*parameters));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphKernelNodeSetAttribute(cudaGraphNode_t node, cudaLaunchAttributeID attribute,
                                            const cudaLaunchAttributeValue* value) {
  return entry(__func__, {}, [&](lock_type&) {
    require(value != nullptr && attribute != cudaLaunchAttributeProgrammaticStreamSerialization, cudaErrorInvalidValue,
            "the value is null, or the attribute is not one of nodes (a programmatic edge joins nodes)");
    cudaLaunchAttribute set{};
    set.id = attribute;
    set.val = *value;
    kernel_work changed = work_of<kernel_work>(node, "kernel");
    apply_attribute(changed, set);
    check_launch(changed);
    work_of<kernel_work>(node, "kernel") = std::move(changed);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphKernelNodeGetAttribute(cudaGraphNode_t node, cudaLaunchAttributeID attribute,
                                            cudaLaunchAttributeValue* value) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto& kernel = work_of<kernel_work>(node, "kernel");
    *value = {};
    switch (attribute) {
      case cudaLaunchAttributeCooperative:
        value->cooperative = kernel.cooperative;
        return cudaSuccess;
      case cudaLaunchAttributePriority:
        value->priority = kernel.priority;
        return cudaSuccess;
      case cudaLaunchAttributeClusterDimension:
        value->clusterDim = {kernel.cluster.x, kernel.cluster.y, kernel.cluster.z};
        return cudaSuccess;
      default:
        throw refusal(cudaErrorInvalidValue, "this attribute of kernel nodes is not kept");
    }
  });
}

cudaError_t cudaGraphKernelNodeCopyAttributes(cudaGraphNode_t destination, cudaGraphNode_t source) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto& from = work_of<kernel_work>(source, "kernel");
    auto& to = work_of<kernel_work>(destination, "kernel");
    to.cooperative = from.cooperative, to.priority = from.priority, to.cluster = from.cluster;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddMemcpyNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                   std::size_t count, const cudaMemcpy3DParms* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    return add(node, graph, dependencies, count, work_from(*parameters));
  });
}

cudaError_t cudaGraphAddMemcpyNode1D(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                     std::size_t count, void* destination, const void* source, std::size_t bytes,
                                     cudaMemcpyKind kind) {
  return entry(__func__, {}, [&](lock_type&) {
    return add(node, graph, dependencies, count, flat_node_copy(destination, source, bytes, kind));
  });
}

cudaError_t cudaGraphMemcpyNodeGetParams(cudaGraphNode_t node, cudaMemcpy3DParms* result) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto& copy = work_of<copy_work>(node, "memcpy");
    *result = {};
    result->srcPtr = {const_cast<void*>(copy.source), copy.source_pitch, copy.width, copy.source_rows};
    result->dstPtr = {copy.destination, copy.destination_pitch, copy.width, copy.destination_rows};
    result->extent = {copy.width, copy.height, copy.depth};
    result->kind = copy.kind;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphMemcpyNodeSetParams(cudaGraphNode_t node, const cudaMemcpy3DParms* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    work_of<copy_work>(node, "memcpy") = work_from(*parameters);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphMemcpyNodeSetParams1D(cudaGraphNode_t node, void* destination, const void* source,
                                           std::size_t bytes, cudaMemcpyKind kind) {
  return entry(__func__, {}, [&](lock_type&) {
    work_of<copy_work>(node, "memcpy") = flat_node_copy(destination, source, bytes, kind);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddMemsetNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                   std::size_t count, const cudaMemsetParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    return add(node, graph, dependencies, count, work_from(*parameters));
  });
}

cudaError_t cudaGraphMemsetNodeGetParams(cudaGraphNode_t node, cudaMemsetParams* result) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto& fill = work_of<fill_work>(node, "memset");
    *result = {.dst = fill.destination,
               .pitch = fill.pitch,
               .value = fill.value,
               .elementSize = fill.element_bytes,
               .width = fill.width,
               .height = fill.height};
    return cudaSuccess;
  });
}

cudaError_t cudaGraphMemsetNodeSetParams(cudaGraphNode_t node, const cudaMemsetParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    work_of<fill_work>(node, "memset") = work_from(*parameters);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddHostNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                 std::size_t count, const cudaHostNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    require(parameters != nullptr, cudaErrorInvalidValue, "the parameters are null");
    return add(node, graph, dependencies, count, work_from(*parameters));
  });
}

cudaError_t cudaGraphHostNodeGetParams(cudaGraphNode_t node, cudaHostNodeParams* result) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto& host = work_of<host_work>(node, "host");
    *result = {host.function, host.argument};
    return cudaSuccess;
  });
}

cudaError_t cudaGraphHostNodeSetParams(cudaGraphNode_t node, const cudaHostNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    work_of<host_work>(node, "host") = work_from(*parameters);
    return cudaSuccess;
  });
}

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

cudaError_t cudaGraphNodeSetParams(cudaGraphNode_t node, cudaGraphNodeParams* parameters) {
  return entry(__func__, {}, [&](lock_type&) {
    node_state& changed = the().graphs->of(node);
    require(parameters != nullptr && parameters->type == node_type(changed.what), cudaErrorInvalidValue,
            "the parameters are of another type than the node");
    work replacement = work_from(*parameters);
    if (auto* kernel = std::get_if<kernel_work>(&replacement))
      replace_launch(std::get<kernel_work>(changed.what), std::move(*kernel));
    else
      changed.what = std::move(replacement);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddDependencies(cudaGraph_t graph, const cudaGraphNode_t* from, const cudaGraphNode_t* to,
                                     const cudaGraphEdgeData* data, std::size_t count) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto owner = the().graphs->of(graph);
    for (std::size_t i = 0; i < count; ++i) {
      node_state &first = the().graphs->of(from[i]), &second = the().graphs->of(to[i]);
      require(first.owner == owner.get() && second.owner == owner.get(), cudaErrorInvalidValue,
              "an edge joins nodes of another graph");
      require(&first != &second && !reaches(second, first), cudaErrorInvalidValue, "the edge would close a cycle");
      for (const auto& edge : second.after)
        require(edge.from != &first, cudaErrorInvalidValue, "the nodes are joined already");
      second.after.push_back({&first, data != nullptr ? data[i] : plain_edge});
    }
    return cudaSuccess;
  });
}

cudaError_t cudaGraphRemoveDependencies(cudaGraph_t graph, const cudaGraphNode_t* from, const cudaGraphNode_t* to,
                                        const cudaGraphEdgeData* data, std::size_t count) {
  return entry(__func__, {}, [&](lock_type&) {
    the().graphs->of(graph);
    for (std::size_t i = 0; i < count; ++i) {
      node_state &first = the().graphs->of(from[i]), &second = the().graphs->of(to[i]);
      const auto removed = std::erase_if(second.after, [&](const graph_edge& edge) {
        return edge.from == &first && same_edge(edge.data, data != nullptr ? data[i] : plain_edge);
      });
      require(removed == 1, cudaErrorInvalidValue, "there is no such edge");
    }
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroyNode(cudaGraphNode_t node) {
  return entry(__func__, {.releases = true}, [&](lock_type&) {
    node_state& gone = the().graphs->of(node);
    graph_state& graph = *gone.owner;
    for (const auto& other : graph.nodes)
      std::erase_if(other->after, [&](const graph_edge& edge) { return edge.from == &gone; });
    the().graphs->forget_node(&gone);
    std::erase_if(graph.nodes, [&](const auto& owned) { return owned.get() == &gone; });
    return cudaSuccess;
  });
}

}  // extern "C"

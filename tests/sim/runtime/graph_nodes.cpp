// SPDX-License-Identifier: Apache-2.0
// Entry points of kernel, copy, fill and host nodes.
#include "graph_build.hpp"

using namespace sim::runtime;

extern "C" {

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

}  // extern "C"

// SPDX-License-Identifier: Apache-2.0
// Entry points that make, copy and destroy graphs, and their edges.
#include "graph_build.hpp"

using namespace sim::runtime;

namespace {

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

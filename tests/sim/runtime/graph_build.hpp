// SPDX-License-Identifier: Apache-2.0
// What the entry points that build graphs share.
#pragma once

#include <string>

#include "context.hpp"
#include "graph.hpp"
#include "launch.hpp"

namespace sim::runtime {

inline std::vector<graph_edge> edges_of(const cudaGraphNode_t* nodes, const cudaGraphEdgeData* data,
                                        std::size_t count) {
  require(count == 0 || nodes != nullptr, cudaErrorInvalidValue, "the dependencies are null");
  std::vector<graph_edge> edges;
  for (std::size_t i = 0; i < count; ++i)
    edges.push_back({&the().graphs->of(nodes[i]), data != nullptr ? data[i] : cudaGraphEdgeData{}});
  return edges;
}

// Adds a node and stores its handle.
inline cudaError_t add(cudaGraphNode_t* result, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                       std::size_t count, work what, const cudaGraphEdgeData* data = nullptr) {
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

// Replaces a kernel's launch but keeps the attributes of its node.
inline void replace_launch(kernel_work& kept, kernel_work launch) {
  launch.programmatic = kept.programmatic;
  launch.cooperative = kept.cooperative;
  launch.priority = kept.priority;
  launch.cluster = kept.cluster;
  check_launch(launch);
  kept = std::move(launch);
}

}  // namespace sim::runtime

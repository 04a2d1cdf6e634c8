// SPDX-License-Identifier: Apache-2.0
// Entry points that tell what a graph holds.
#include <algorithm>
#include <fstream>

#include "context.hpp"
#include "graph.hpp"

using namespace sim::runtime;

namespace {

// The API's way to return a list: with a null array the count; else at most *count entries, the rest null.
template <class Item>
void give(const std::vector<Item>& items, Item* array, std::size_t* count) {
  require(count != nullptr, cudaErrorInvalidValue, "the pointer to the count is null");
  if (array == nullptr) {
    *count = items.size();
    return;
  }
  for (std::size_t i = 0; i < *count; ++i) array[i] = i < items.size() ? items[i] : Item{};
  *count = std::min(*count, items.size());
}

struct edge_list {
  std::vector<cudaGraphNode_t> from, to;
  std::vector<cudaGraphEdgeData> data;
  void add(node_state* first, node_state* second, const cudaGraphEdgeData& how) {
    from.push_back(handle_of(first));
    to.push_back(handle_of(second));
    data.push_back(how);
  }
  // Edge data that is not the default may not get lost for want of an array. The documents except no query from that,
  // so one for the mere number is refused too.
  void refuse_loss(const void* nodes, const void* array) const {
    require(array == nullptr || nodes != nullptr, cudaErrorInvalidValue, "an array for edge data needs one for nodes");
    const bool special = std::any_of(data.begin(), data.end(), [](const cudaGraphEdgeData& edge) {
      return edge.type != 0 || edge.from_port != 0 || edge.to_port != 0;
    });
    if (array == nullptr && special)
      throw refusal(cudaErrorLossyQuery,
                    "an edge carries data; pass arrays for nodes and data, longer than there can be edges");
  }
};

const char* type_name(cudaGraphNodeType type) {
  switch (type) {
    case cudaGraphNodeTypeKernel:
      return "kernel";
    case cudaGraphNodeTypeMemcpy:
      return "memcpy";
    case cudaGraphNodeTypeMemset:
      return "memset";
    case cudaGraphNodeTypeHost:
      return "host";
    case cudaGraphNodeTypeGraph:
      return "graph";
    case cudaGraphNodeTypeConditional:
      return "conditional";
    default:
      return "other";
  }
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

void print_dot(std::ostream& out, const graph_state& graph, bool verbose) {
  const auto name = [](const node_state* node) { return "node" + std::to_string(node->id); };
  for (const auto& node : graph.nodes) {
    out << "  " << name(node.get()) << " [shape=box, label=\"" << escaped(describe(node->what));
    if (const auto* kernel = std::get_if<kernel_work>(&node->what); kernel != nullptr && verbose)
      out << "\\ngrid " << kernel->grid.x << "," << kernel->grid.y << "," << kernel->grid.z << " block "
          << kernel->block.x << "," << kernel->block.y << "," << kernel->block.z << " shared "
          << kernel->dynamic_shared_bytes;
    out << "\", tooltip=\"" << type_name(node_type(node->what)) << "\"];\n";
    const auto nest = [&](const graph_state& nested) {
      out << "  subgraph cluster" << nested.id << " {\n";
      print_dot(out, nested, verbose);
      out << "  }\n";
      if (!nested.nodes.empty())
        out << "  " << name(node.get()) << " -> " << name(nested.nodes.front().get()) << " [style=dotted];\n";
    };
    if (const auto* child = std::get_if<child_work>(&node->what)) nest(*child->graph);
    if (const auto* conditional = std::get_if<conditional_work>(&node->what))
      for (const auto& body : conditional->bodies) nest(*body);
  }
  for (const auto& node : graph.nodes)
    for (const auto& edge : node->after)
      out << "  " << name(edge.from) << " -> " << name(node.get())
          << (edge.data.type == cudaGraphDependencyTypeProgrammatic ? " [style=dashed];\n" : ";\n");
}

}  // namespace

extern "C" {

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  return entry(__func__, {}, [&](lock_type&) {
    *type = node_type(the().graphs->of(node).what);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return entry(__func__, {}, [&](lock_type&) {
    std::vector<cudaGraphNode_t> found;
    for (const auto& node : the().graphs->of(graph)->nodes) found.push_back(handle_of(node.get()));
    give(found, nodes, count);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetRootNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return entry(__func__, {}, [&](lock_type&) {
    std::vector<cudaGraphNode_t> found;
    for (const auto& node : the().graphs->of(graph)->nodes)
      if (node->after.empty()) found.push_back(handle_of(node.get()));
    give(found, nodes, count);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetEdges(cudaGraph_t graph, cudaGraphNode_t* from, cudaGraphNode_t* to, cudaGraphEdgeData* data,
                              std::size_t* count) {
  return entry(__func__, {}, [&](lock_type&) {
    require(count != nullptr && (from == nullptr) == (to == nullptr), cudaErrorInvalidValue,
            "the arrays of both ends must be given, or neither");
    edge_list edges;
    for (const auto& node : the().graphs->of(graph)->nodes)
      for (const auto& edge : node->after) edges.add(edge.from, node.get(), edge.data);
    edges.refuse_loss(from, data);
    std::size_t ends = *count, datas = *count;
    give(edges.from, from, count);
    give(edges.to, to, &ends);
    if (data != nullptr) give(edges.data, data, &datas);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphNodeGetDependencies(cudaGraphNode_t node, cudaGraphNode_t* dependencies, cudaGraphEdgeData* data,
                                         std::size_t* count) {
  return entry(__func__, {}, [&](lock_type&) {
    require(count != nullptr, cudaErrorInvalidValue, "the pointer to the count is null");
    edge_list edges;
    node_state& asked = the().graphs->of(node);
    for (const auto& edge : asked.after) edges.add(edge.from, &asked, edge.data);
    edges.refuse_loss(dependencies, data);
    std::size_t datas = *count;
    give(edges.from, dependencies, count);
    if (data != nullptr) give(edges.data, data, &datas);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphNodeGetDependentNodes(cudaGraphNode_t node, cudaGraphNode_t* dependents, cudaGraphEdgeData* data,
                                           std::size_t* count) {
  return entry(__func__, {}, [&](lock_type&) {
    require(count != nullptr, cudaErrorInvalidValue, "the pointer to the count is null");
    edge_list edges;
    node_state& asked = the().graphs->of(node);
    for (const auto& other : asked.owner->nodes)
      for (const auto& edge : other->after)
        if (edge.from == &asked) edges.add(&asked, other.get(), edge.data);
    edges.refuse_loss(dependents, data);
    std::size_t datas = *count;
    give(edges.to, dependents, count);
    if (data != nullptr) give(edges.data, data, &datas);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDebugDotPrint(cudaGraph_t graph, const char* path, unsigned flags) {
  return entry(__func__, {}, [&](lock_type&) {
    const auto printed = the().graphs->of(graph);
    require(path != nullptr, cudaErrorInvalidValue, "the path is null");
    std::ofstream out(path);
    out << "digraph graph_" << printed->id << " {\n";
    print_dot(out, *printed, (flags & (cudaGraphDebugDotFlagsVerbose | cudaGraphDebugDotFlagsKernelNodeParams)) != 0);
    out << "}\n";
    require(bool(out.flush()), cudaErrorOperatingSystem, "the file cannot be written");
    return cudaSuccess;
  });
}

}  // extern "C"

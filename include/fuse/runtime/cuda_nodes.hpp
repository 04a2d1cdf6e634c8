// SPDX-License-Identifier: Apache-2.0
// The nodes of a captured CUDA graph with their parameters, those of child graphs and loop bodies included, and how
// changed parameters get into the executable graph.
#pragma once
#include <fuse/exec/cuda_executor.hpp>
#include <fuse/runtime/captured.hpp>

namespace fuse::runtime {

struct graph_deleter {
  void operator()(cudaGraph_t g) const noexcept { cudaGraphDestroy(g); }
};
struct graph_exec_deleter {
  void operator()(cudaGraphExec_t g) const noexcept { cudaGraphExecDestroy(g); }
};
using graph_owner = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, graph_deleter>;
using graph_exec_owner = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, graph_exec_deleter>;

inline constexpr const char* condition_name = "while: condition";
/// Says whether a loop's body runs (again): while *going is not 0, and `most` times at most. It counts in *count.
template <class Flag>
__global__ void set_condition(cudaGraphConditionalHandle handle, const Flag* going, index* count, index most,
                              bool first) {
  cuda::follow_predecessor();
  const index done = first ? 0 : *count + 1;
  *count = done;
  cudaGraphSetConditional(handle, *going && done < most);
}

inline std::vector<cudaGraphNode_t> nodes_of(cudaGraph_t graph) {
  std::size_t count = 0;
  cuda::check(cudaGraphGetNodes(graph, nullptr, &count), "cudaGraphGetNodes");
  std::vector<cudaGraphNode_t> nodes(count);
  if (count > 0) cuda::check(cudaGraphGetNodes(graph, nodes.data(), &count), "cudaGraphGetNodes");
  return nodes;
}

/// Sizes of the parameters of a kernel.
inline std::vector<std::size_t> parameter_sizes(const void* function) {
  std::vector<std::size_t> sizes;
  for (;;) {
    std::size_t offset = 0, size = 0;
    cudaError_t e = cudaFuncGetParamInfo(function, sizes.size(), &offset, &size);
    // There are no more. Asked twice: a parameter that is missed would be a wild address in a replay.
    if (e == cudaErrorInvalidValue) e = cudaFuncGetParamInfo(function, sizes.size(), &offset, &size);
    if (e == cudaErrorInvalidValue) {
      cudaGetLastError();
      return sizes;
    }
    cuda::check(e, "cudaFuncGetParamInfo");
    sizes.push_back(size);
  }
}

/// Names that the executor gave to what it launched.
using node_names = std::vector<std::pair<cudaGraphNode_t, std::string>>;

class cuda_nodes {
 public:
  /// All nodes of a graph. `bodies`: of the conditional nodes in it.
  struct loop {
    cudaGraphNode_t node;
    cudaGraph_t body;
  };
  void read(cudaGraph_t graph, const node_names& names, const std::vector<loop>& loops, parameters& words) {
    read(graph, names, loops, words, -1, false, 0);
  }

  /// The node has other parameters now.
  void changed(int node) {
    if (!nodes_[static_cast<std::size_t>(node)].changed) changed_.push_back(node);
    nodes_[static_cast<std::size_t>(node)].changed = true;
  }
  /// Writes changed parameters into the graph, before it is instantiated.
  void apply(parameters& words) {
    for (; !changed_.empty(); settle()) set(nodes_[static_cast<std::size_t>(changed_.back())], words);
  }
  /// Writes changed parameters into the executable graph, and counts calls to the driver. What fails stays marked, for
  /// the next time. Returns false where the graph has to be instantiated anew: a loop's body cannot be updated.
  bool apply(cudaGraphExec_t exec, parameters& words, std::int64_t& updates) {
    while (!changed_.empty()) {
      node& n = nodes_[static_cast<std::size_t>(changed_.back())];
      if (n.inside < 0 && !n.in_loop) {
        const cudaKernelNodeParams p = filled(n, words);
        cuda::check(cudaGraphExecKernelNodeSetParams(exec, n.handle, &p), "cudaGraphExecKernelNodeSetParams",
                    n.name.c_str());
        if (has_loops()) set(n, words);  // for the day it is instantiated anew
      } else {
        set(n, words);
        if (n.in_loop)
          loop_changed_ = true;
        else if (std::find(children_.begin(), children_.end(), n.inside) == children_.end())
          children_.push_back(n.inside);
      }
      ++updates;
      settle();
    }
    for (; !children_.empty() && !loop_changed_; children_.pop_back(), ++updates) {
      const node& child = nodes_[static_cast<std::size_t>(children_.back())];
      cuda::check(cudaGraphExecChildGraphNodeSetParams(exec, child.handle, child.graph),
                  "cudaGraphExecChildGraphNodeSetParams", child.name.c_str());
    }
    return !loop_changed_;
  }
  /// The graph has been instantiated with all that was changed.
  void instantiated() {
    loop_changed_ = false;
    children_.clear();
  }
  bool same_as(const cuda_nodes& o, const parameters& mine, const parameters& theirs) const {
    bool same = nodes_.size() == o.nodes_.size();
    for (std::size_t i = 0; same && i < nodes_.size(); ++i) {
      const node &a = nodes_[i], &b = o.nodes_[i];
      same = a.type == b.type && a.params.func == b.params.func && same_dim(a.params.gridDim, b.params.gridDim) &&
             same_dim(a.params.blockDim, b.params.blockDim) && a.params.sharedMemBytes == b.params.sharedMemBytes &&
             a.at.size() == b.at.size() && a.operands == b.operands;
      const bool is_condition = a.name == condition_name;
      for (std::size_t k = is_condition ? 1 : 0; same && k < a.at.size(); ++k)  // each graph has a handle of its own
        same = a.sizes[k] == b.sizes[k] && std::memcmp(mine.address(a.at[k]), theirs.address(b.at[k]), a.sizes[k]) == 0;
    }
    return same;
  }
  std::size_t size() const { return nodes_.size(); }
  bool has_loops() const { return has_loops_; }
  /// Are there nodes whose addresses the CUDA runtime does not show: kernels of another library's, loops of another's?
  bool is_opaque() const { return opaque_; }
  /// Are there kernels that the executor did not launch?
  bool has_foreign() const { return foreign_; }
  void describe(std::vector<node_info>& into, int piece) const {
    for (const node& n : nodes_) into.push_back({n.name, kind_of(n.type), piece, n.depth});
  }
  /// Which node waits for which, at top level, numbered from `first`.
  void edges(cudaGraph_t graph, int first, std::vector<edge_info>& into) const {
    std::size_t count = 0;
    cuda::check(cudaGraphGetEdges(graph, nullptr, nullptr, nullptr, &count), "cudaGraphGetEdges");
    std::vector<cudaGraphNode_t> from(count), to(count);
    std::vector<cudaGraphEdgeData> data(count);
    if (count > 0)
      cuda::check(cudaGraphGetEdges(graph, from.data(), to.data(), data.data(), &count), "cudaGraphGetEdges");
    auto number = [&](cudaGraphNode_t h) {
      return first +
             static_cast<int>(std::find_if(nodes_.begin(), nodes_.end(), [&](const node& n) { return n.handle == h; }) -
                              nodes_.begin());
    };
    for (std::size_t i = 0; i < count; ++i)
      into.push_back({number(from[i]), number(to[i]), data[i].type == cudaGraphDependencyTypeProgrammatic});
  }

 private:
  struct node {
    cudaGraphNode_t handle;
    cudaGraphNodeType type;
    std::string name;
    int inside;    // the child graph node at top level that it lies in, or -1
    bool in_loop;  // lies in the body of a conditional node
    int depth;
    cudaGraph_t graph = nullptr;  // of a child graph node
    cudaKernelNodeParams params{};
    std::vector<std::size_t> sizes{}, at{};  // of each parameter
    std::vector<std::uint64_t> operands{};   // of a copy, a fill or a host function
    bool changed = false;
  };
  static bool same_dim(dim3 a, dim3 b) { return a.x == b.x && a.y == b.y && a.z == b.z; }
  static const char* kind_of(cudaGraphNodeType t) {
    switch (t) {
      case cudaGraphNodeTypeKernel:
        return "kernel";
      case cudaGraphNodeTypeMemcpy:
        return "copy";
      case cudaGraphNodeTypeMemset:
        return "fill";
      case cudaGraphNodeTypeHost:
        return "host function";
      case cudaGraphNodeTypeGraph:
        return "child graph";
      case cudaGraphNodeTypeConditional:
        return "loop";
      default:
        return "node";
    }
  }

  void read(cudaGraph_t graph, const node_names& names, const std::vector<loop>& loops, parameters& words, int inside,
            bool in_loop, int depth) {
    for (cudaGraphNode_t h : nodes_of(graph)) {
      const int number = static_cast<int>(nodes_.size());
      node n{h, cudaGraphNodeTypeEmpty, "", inside, in_loop, depth};
      cuda::check(cudaGraphNodeGetType(h, &n.type), "cudaGraphNodeGetType");
      for (const auto& [handle, name] : names)
        if (handle == h) n.name = name;
      has_loops_ = has_loops_ || n.type == cudaGraphNodeTypeConditional;
      if (n.type == cudaGraphNodeTypeKernel)
        read_kernel(n, number, words);
      else
        read_operands(n);
      if (n.type == cudaGraphNodeTypeGraph)
        cuda::check(cudaGraphChildGraphNodeGetGraph(h, &n.graph), "cudaGraphChildGraphNodeGetGraph");
      if (n.name.empty()) n.name = kind_of(n.type);
      const cudaGraph_t child = n.graph;
      const cudaGraphNodeType type = n.type;
      nodes_.push_back(std::move(n));
      if (child) read(child, names, loops, words, inside < 0 ? number : inside, in_loop, depth + 1);
      bool known = type != cudaGraphNodeTypeConditional;
      for (const loop& l : loops) {
        if (l.node != h) continue;
        known = true;
        read(l.body, names, loops, words, inside, true, depth + 1);
      }
      opaque_ = opaque_ || !known;
    }
  }
  void read_kernel(node& n, int number, parameters& words) {
    foreign_ = foreign_ || n.name.empty();
    const cudaError_t e = cudaGraphKernelNodeGetParams(n.handle, &n.params);
    // Of a kernel that another CUDA runtime or the driver loaded; or of one launched with a packed buffer.
    if (e == cudaErrorInvalidDeviceFunction || (e == cudaSuccess && !n.params.kernelParams)) {
      if (e != cudaSuccess) cudaGetLastError();
      opaque_ = true;
      return;
    }
    cuda::check(e, "cudaGraphKernelNodeGetParams", n.name.c_str());
    n.sizes = parameter_sizes(n.params.func);
    for (std::size_t k = 0; k < n.sizes.size(); ++k)
      n.at.push_back(words.add(number, n.params.kernelParams[k], n.sizes[k]));
    if (n.name.empty()) {
      const char* name = nullptr;
      if (cudaFuncGetName(&name, n.params.func) == cudaSuccess && name)
        n.name = name;
      else
        cudaGetLastError();
    }
    n.params.kernelParams = nullptr;
  }
  /// What other nodes work on. They are not rebound: two captures have to agree on it.
  static void read_operands(node& n) {
    auto word = [](auto x) {
      if constexpr (std::is_pointer_v<decltype(x)>)
        return reinterpret_cast<std::uint64_t>(x);
      else
        return static_cast<std::uint64_t>(x);
    };
    if (n.type == cudaGraphNodeTypeMemcpy) {
      cudaMemcpy3DParms p{};
      cuda::check(cudaGraphMemcpyNodeGetParams(n.handle, &p), "cudaGraphMemcpyNodeGetParams");
      n.operands = {word(p.srcPtr.ptr),   word(p.srcPtr.pitch),  word(p.srcPos.x),
                    word(p.dstPtr.ptr),   word(p.dstPtr.pitch),  word(p.dstPos.x),
                    word(p.extent.width), word(p.extent.height), word(p.extent.depth)};
    } else if (n.type == cudaGraphNodeTypeMemset) {
      cudaMemsetParams p{};
      cuda::check(cudaGraphMemsetNodeGetParams(n.handle, &p), "cudaGraphMemsetNodeGetParams");
      n.operands = {word(p.dst), word(p.pitch), word(p.value), word(p.elementSize), word(p.width), word(p.height)};
    } else if (n.type == cudaGraphNodeTypeHost) {
      cudaHostNodeParams p{};
      cuda::check(cudaGraphHostNodeGetParams(n.handle, &p), "cudaGraphHostNodeGetParams");
      n.operands = {reinterpret_cast<std::uint64_t>(p.fn), word(p.userData)};
    }
  }
  cudaKernelNodeParams filled(const node& n, parameters& words) {
    pointers_.clear();
    for (std::size_t at : n.at) pointers_.push_back(words.address(at));
    cudaKernelNodeParams p = n.params;
    p.kernelParams = pointers_.data();
    p.extra = nullptr;
    return p;
  }
  void set(const node& n, parameters& words) {
    const cudaKernelNodeParams p = filled(n, words);
    cuda::check(cudaGraphKernelNodeSetParams(n.handle, &p), "cudaGraphKernelNodeSetParams", n.name.c_str());
  }
  void settle() {
    nodes_[static_cast<std::size_t>(changed_.back())].changed = false;
    changed_.pop_back();
  }

  std::vector<node> nodes_;
  std::vector<int> changed_, children_;  // children_: child graph nodes with changed nodes in them
  bool has_loops_ = false, loop_changed_ = false, opaque_ = false, foreign_ = false;
  std::vector<void*> pointers_;
};

}  // namespace fuse::runtime

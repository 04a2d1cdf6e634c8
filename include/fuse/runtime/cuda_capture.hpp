// SPDX-License-Identifier: Apache-2.0
// A captured call on a GPU: CUDA graphs, with calls between them where the function was split.
#pragma once
#include <fuse/runtime/cuda_nodes.hpp>

namespace fuse::runtime {

/// A stream for what is captured apart from the main stream.
class side_stream {
 public:
  side_stream() {
    cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  }
  ~side_stream() { cudaStreamDestroy(stream_); }
  side_stream(const side_stream&) = delete;
  side_stream& operator=(const side_stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// Copies bytes, a Word at a time where both addresses allow. Addresses in a capture are no memory yet: a kernel can be
/// given them, a copy node cannot.
template <class Word>
__global__ void __launch_bounds__(256) copy_kernel(char* to, const char* from, index bytes) {
  cuda::follow_predecessor();
  constexpr index size = sizeof(Word);
  const index first = index(blockIdx.x) * blockDim.x + threadIdx.x, stride = index(gridDim.x) * blockDim.x;
  const bool whole = (reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from)) % size == 0;
  const index words = whole ? bytes / size : 0;
  for (index i = first; i < words; i += stride) reinterpret_cast<Word*>(to)[i] = reinterpret_cast<const Word*>(from)[i];
  for (index i = words * size + first; i < bytes; i += stride) to[i] = from[i];
}

/// What a stream that is being captured would put before the next node.
struct capture_position {
  cudaGraph_t graph = nullptr;
  const cudaGraphNode_t* after = nullptr;
  const cudaGraphEdgeData* edges = nullptr;
  std::size_t count = 0;
};

template <modes Built>
class captured<cuda_executor<Built>> {
 public:
  using executor_type = cuda_executor<Built>;
  static constexpr bool may_pin = true;
  static constexpr int alignment = 16;  // of an address modulo it the choice of a kernel's path depends

  captured(executor_type& executor, std::uint64_t arena)
      : executor_(executor), previous_(executor.recording()), recording_(*this, arena) {
    if (previous_ && previous_->captures()) {  // a graph within one that is being captured
      side_ = std::make_unique<side_stream>();
      main_ = executor_.exchange_stream(*side_);
    }
    try {
      begin();
    } catch (...) {
      if (side_) executor_.exchange_stream(main_);
      throw;
    }
    executor_.record(&recording_);
  }
  ~captured() { abandon(); }
  captured(const captured&) = delete;
  captured& operator=(const captured&) = delete;

  class recording final : public arena_recorder<cuda_recorder> {
   public:
    recording(captured& into, std::uint64_t arena) : arena_recorder<cuda_recorder>(arena), into_(into) {}
    void launched(const char* name, cudaStream_t stream) override { into_.name_last(name, stream); }
    void defer(const deferred_call& c) override { into_.split(c); }
    copy_function copy_kernel() const override { return &runtime::copy_kernel<int4>; }
    captured& into() { return into_; }

   private:
    captured& into_;
  };

  /// What a call of the function that failed means for the capture: it is one that no graph can hold, or it looked at
  /// an address, which is none of memory yet.
  void explain(const error& problem) {
    const cudaError_t last = refused_ != cudaSuccess ? refused_ : cudaPeekAtLastError();
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(executor_.stream(), &status) == cudaSuccess &&
        status == cudaStreamCaptureStatusInvalidated && problem.category() != error_category::capture)
      refuse(last);
    if (problem.category() == error_category::cuda && last == cudaErrorInvalidValue) {
      cudaGetLastError();
      throw error(error_category::capture, problem.what());
    }
  }
  /// Ends the capture.
  void finish() {
    end();
    leave();
  }
  arena_layout& layout() { return recording_.layout(); }
  int tensors() const { return recording_.tensors(); }
  /// From where the addresses of each region counted during the capture.
  void measure(const std::vector<std::uint64_t>& origins) {
    for (piece& p : pieces_) p.words.measure(origins);
  }
  /// It was captured at real addresses, and serves them alone.
  void keep_addresses() {
    for (piece& p : pieces_) p.words.keep_addresses();
  }
  void prepare(const std::vector<std::uint64_t>& values) {
    bind_all(values);
    for (piece& p : pieces_)
      if (p.graph) instantiate(p);
  }
  /// Writes all addresses into the graphs themselves, which are not executable yet.
  void bind_all(const std::vector<std::uint64_t>& values) {
    for (std::size_t r = 0; r < values.size(); ++r) bind(r, values[r]);
    for (piece& p : pieces_) p.nodes.apply(p.words);
  }
  void bind(std::size_t region, std::uint64_t value) {
    for (piece& p : pieces_)
      p.words.bind(region, value, [&](int node) {
        if (p.graph) p.nodes.changed(node);
      });
  }
  /// Brings the executable graphs up to date with what was bound.
  void update() {
    for (piece& p : pieces_)
      if (p.graph && !p.nodes.apply(p.exec.get(), p.words, updates_)) instantiate(p);
  }
  void launch() {
    for (piece& p : pieces_) {
      if (p.graph)
        cuda::check(cudaGraphLaunch(p.exec.get(), executor_.stream()), "cudaGraphLaunch");
      else
        p.run(&executor_, p.words.address(0));
    }
  }
  bool same_as(const captured& o) const {
    bool same = pieces_.size() == o.pieces_.size();
    for (std::size_t i = 0; same && i < pieces_.size(); ++i)
      same = !pieces_[i].graph == !o.pieces_[i].graph && pieces_[i].run == o.pieces_[i].run &&
             pieces_[i].nodes.same_as(o.pieces_[i].nodes, pieces_[i].words, o.pieces_[i].words);
    return same;
  }
  bool is_opaque() const {
    return std::any_of(pieces_.begin(), pieces_.end(), [](const piece& p) { return p.nodes.is_opaque(); });
  }
  bool has_foreign() const {
    return std::any_of(pieces_.begin(), pieces_.end(), [](const piece& p) { return p.nodes.has_foreign(); });
  }
  /// Adds the graph as a child to the one that is being captured, with these addresses. Returns false where it cannot
  /// be one: it was split, or has a loop, which child graphs may not have.
  bool append_to(recording& parent, const std::vector<std::uint64_t>& values) {
    if (pieces_.size() != 1 || !pieces_[0].graph || pieces_[0].nodes.has_loops()) return false;
    bind_all(values);
    parent.into().add_child(pieces_[0].graph.get(), names_);
    return true;
  }
  /// Captures body() as what is repeated while *going, at most `most` times.
  template <class Body>
  void loop(const std::uint8_t* going, index most, Body&& body) {
    const buffer counter = executor_.allocate(sizeof(index));
    index* const count = static_cast<index*>(counter.data());
    cudaGraphConditionalHandle handle{};
    cuda::check(cudaGraphConditionalHandleCreate(&handle, position().graph, 0, 0), "cudaGraphConditionalHandleCreate");
    auto decide = [&](bool first) {
      executor_.start(condition_name, &set_condition<std::uint8_t>, 1, 1, 0, handle, going, count, most, first);
    };
    decide(true);
    cudaGraphNodeParams p{};
    p.type = cudaGraphNodeTypeConditional;
    p.conditional.handle = handle;
    p.conditional.type = cudaGraphCondTypeWhile;
    p.conditional.size = 1;
    const cudaGraphNode_t node = add_node(p, "while");
    const cudaGraph_t inner = p.conditional.phGraph_out[0];
    loops_.push_back({node, inner});

    const side_stream side;
    cuda::check(cudaStreamBeginCaptureToGraph(side, inner, nullptr, nullptr, 0, cudaStreamCaptureModeThreadLocal),
                "cudaStreamBeginCaptureToGraph");
    const cudaStream_t outer = executor_.exchange_stream(side);
    try {
      recording_.enter_loop();
      body();
      recording_.leave_loop();
      decide(false);
    } catch (...) {
      executor_.exchange_stream(outer);
      refused_ = cudaPeekAtLastError();
      cudaGraph_t dropped = nullptr;
      cudaStreamEndCapture(side, &dropped);
      cudaGetLastError();
      throw;
    }
    executor_.exchange_stream(outer);
    cudaGraph_t same = nullptr;
    cuda::check(cudaStreamEndCapture(side, &same), "cudaStreamEndCapture", "while");
  }

  /// Places in the nodes' parameters that are rebound.
  std::size_t places() const {
    std::size_t n = 0;
    for (const piece& p : pieces_) n += p.words.use_count();
    return n;
  }
  std::int64_t updates() const { return updates_; }
  std::vector<node_info> nodes() const {
    std::vector<node_info> r;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i].graph)
        pieces_[i].nodes.describe(r, static_cast<int>(i));
      else
        r.push_back({"call", "call", static_cast<int>(i), 0});
    }
    return r;
  }
  std::vector<edge_info> edges() const {
    std::vector<edge_info> r;
    int first = 0;
    for (const piece& p : pieces_) {
      if (p.graph) p.nodes.edges(p.graph.get(), first, r);
      first += p.graph ? static_cast<int>(p.nodes.size()) : 1;
    }
    return r;
  }

 private:
  struct piece {
    graph_owner graph;  // or a call
    graph_exec_owner exec{};
    cuda_nodes nodes{};
    parameters words{};
    void (*run)(void*, const void*) = nullptr;
    std::shared_ptr<void> owner{};
  };

  void begin() {
    int device = 0;
    cuda::check(cudaGetDevice(&device), "cudaGetDevice");
    if (device != executor_.device())
      throw error(error_category::capture, text("fuse::graphed: the executor was made for device ")
                                               << executor_.device() << ", device " << device
                                               << " is current (call cudaSetDevice before)");
    const cudaError_t e = cudaStreamBeginCapture(executor_.stream(), cudaStreamCaptureModeThreadLocal);
    if (e == cudaErrorStreamCaptureUnsupported)
      throw error(error_category::capture,
                  "fuse::graphed: the executor's stream cannot be captured: the default stream never can (make one "
                  "with cudaStreamCreate)");
    cuda::check(e, "cudaStreamBeginCapture");
    capturing_ = true;
  }
  void end() {
    capturing_ = false;
    const cudaError_t last = cudaPeekAtLastError();
    cudaGraph_t g = nullptr;
    const cudaError_t e = cudaStreamEndCapture(executor_.stream(), &g);
    graph_owner graph(g);
    if (e == cudaErrorStreamCaptureInvalidated) refuse(last);
    if (e == cudaErrorStreamCaptureUnjoined) {
      cudaGetLastError();
      throw error(error_category::capture,
                  "fuse::graphed: another stream has work in the capture that the executor's stream never waits for "
                  "(join it before the function returns, and before fuse::uncaptured)");
    }
    cuda::check(e, "cudaStreamEndCapture");
    piece p{std::move(graph)};
    p.nodes.read(p.graph.get(), names_, loops_, p.words);
    if (p.nodes.size() > 0) pieces_.push_back(std::move(p));
  }
  /// `why`: the last error of a call that the function made.
  [[noreturn]] void refuse(cudaError_t why) {
    cudaGetLastError();
    const char* what =
        "made a call that no graph can hold (synchronising, cudaMalloc, cudaFree, work in the default "
        "stream, waiting for an event of outside)";
    const char* instead = "put it into fuse::uncaptured, or outside the graphed function";
    if (why == cudaErrorStreamCaptureUnsupported) {
      what = "synchronised, or called cudaMalloc, cudaFree or another function that no graph can hold";
    } else if (why == cudaErrorStreamCaptureImplicit) {
      what = "gave work to the default stream, which waits for all others";
      instead = "give it to the executor's stream()";
    } else if (why == cudaErrorStreamCaptureIsolation) {
      what = "waited for an event that was recorded outside of it";
      instead = "wait before the call, or in fuse::uncaptured";
    }
    throw error(error_category::capture,
                text("fuse::graphed: the function ")
                    << what << " after "
                    << (names_.empty() ? text("its start") : text("the launch of ") << names_.back().second.c_str())
                    << ": " << instead);
  }
  void split(const deferred_call& c) {
    end();
    piece p{nullptr};
    p.words.add(0, c.arguments, c.bytes);
    p.run = c.run;
    p.owner = c.owner;
    pieces_.push_back(std::move(p));
    begin();
  }
  capture_position position() {
    capture_position at;
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cuda::check(
        cudaStreamGetCaptureInfo(executor_.stream(), &status, nullptr, &at.graph, &at.after, &at.edges, &at.count),
        "cudaStreamGetCaptureInfo");
    if (status != cudaStreamCaptureStatusActive) refuse(cudaPeekAtLastError());
    return at;
  }
  void name_last(const char* name, cudaStream_t stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    const cudaGraphNode_t* after = nullptr;
    const cudaGraphEdgeData* edges = nullptr;
    cudaGraph_t graph = nullptr;
    std::size_t count = 0;
    cuda::check(cudaStreamGetCaptureInfo(stream, &status, nullptr, &graph, &after, &edges, &count),
                "cudaStreamGetCaptureInfo", name);
    if (status != cudaStreamCaptureStatusActive) refuse(cudaPeekAtLastError());
    if (count == 1) names_.emplace_back(after[0], name);
  }
  /// Adds a node after what the stream has so far; what comes next comes after it.
  cudaGraphNode_t add_node(cudaGraphNodeParams& p, const char* name) {
    const capture_position at = position();
    cudaGraphNode_t node = nullptr;
    cuda::check(cudaGraphAddNode(&node, at.graph, at.after, nullptr, at.count, &p), "cudaGraphAddNode", name);
    cuda::check(
        cudaStreamUpdateCaptureDependencies(executor_.stream(), &node, nullptr, 1, cudaStreamSetCaptureDependencies),
        "cudaStreamUpdateCaptureDependencies", name);
    names_.emplace_back(node, name);
    return node;
  }
  void add_child(cudaGraph_t graph, const node_names& names) {
    cudaGraphNodeParams p{};
    p.type = cudaGraphNodeTypeGraph;
    p.graph.graph = graph;
    const cudaGraphNode_t node = add_node(p, "child graph");
    cudaGraph_t copy = nullptr;
    cuda::check(cudaGraphChildGraphNodeGetGraph(node, &copy), "cudaGraphChildGraphNodeGetGraph");
    name_copies(graph, copy, names);
  }
  /// Nodes of a copied graph come in the order of the original, and have its names.
  void name_copies(cudaGraph_t graph, cudaGraph_t copy, const node_names& names) {
    const std::vector<cudaGraphNode_t> from = nodes_of(graph), to = nodes_of(copy);
    for (std::size_t i = 0; i < from.size() && i < to.size(); ++i) {
      for (const auto& [handle, name] : names)
        if (handle == from[i]) names_.emplace_back(to[i], name);
      cudaGraphNodeType type{};
      cuda::check(cudaGraphNodeGetType(from[i], &type), "cudaGraphNodeGetType");
      if (type != cudaGraphNodeTypeGraph) continue;
      cudaGraph_t inner = nullptr, inner_copy = nullptr;
      cuda::check(cudaGraphChildGraphNodeGetGraph(from[i], &inner), "cudaGraphChildGraphNodeGetGraph");
      cuda::check(cudaGraphChildGraphNodeGetGraph(to[i], &inner_copy), "cudaGraphChildGraphNodeGetGraph");
      name_copies(inner, inner_copy, names);
    }
  }
  void instantiate(piece& p) {
    cudaGraphExec_t made = nullptr;
    cuda::check(cudaGraphInstantiate(&made, p.graph.get(), 0), "cudaGraphInstantiate");
    p.exec.reset(made);
    p.nodes.instantiated();
    if (!executor_.recording()) cuda::check(cudaGraphUpload(made, executor_.stream()), "cudaGraphUpload");
  }
  void leave() {
    if (executor_.recording() == &recording_) executor_.record(previous_);
    if (side_ && main_) executor_.exchange_stream(std::exchange(main_, nullptr));
  }
  /// Ends a capture that failed: the stream is as it was.
  void abandon() {
    if (capturing_) {
      cudaGraph_t dropped = nullptr;
      cudaStreamEndCapture(executor_.stream(), &dropped);
      if (dropped) cudaGraphDestroy(dropped);
      cudaGetLastError();
      capturing_ = false;
    }
    leave();
  }

  executor_type& executor_;
  cuda_recorder* previous_;  // of the capture that this one is part of
  std::unique_ptr<side_stream> side_;
  cudaStream_t main_ = nullptr;
  bool capturing_ = false;
  cudaError_t refused_ = cudaSuccess;  // of a call in the body of a loop
  std::vector<piece> pieces_;
  node_names names_;
  std::vector<cuda_nodes::loop> loops_;
  std::int64_t updates_ = 0;
  recording recording_;
};

}  // namespace fuse::runtime

// SPDX-License-Identifier: Apache-2.0
// A captured call on a GPU: CUDA graphs, with calls between them where the function was split.
#pragma once
#include <fuse/runtime/cuda_graph_kernels.hpp>
#include <fuse/runtime/cuda_nodes.hpp>
#include <fuse/runtime/cuda_stream_capture.hpp>
#include <fuse/runtime/guards.hpp>

namespace fuse::runtime {

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
    bool may_start_early(cudaStream_t stream) override { return into_.may_start_early(stream); }
    void started_late(cudaError_t early, cudaError_t late) override { into_.started_late(early, late); }
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
    if ((body_lost_ || is_lost(executor_.stream())) && problem.category() != error_category::capture) refuse(last);
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
    for (piece& p : pieces_) {
      if (!p.graph) continue;
      try {
        if (p.exec && p.nodes.apply(p.exec.get(), p.words, updates_)) continue;
      } catch (const error&) {
        suspect_early_starts(cudaPeekAtLastError());
        throw;
      }
      p.nodes.apply(p.words);  // what is left where an attempt to instantiate it anew has failed
      instantiate(p);
    }
  }
  /// Does it start kernels early where the driver has refused that since?
  bool is_refused() const { return !executor_.early_starts().allows_all(early_); }
  void launch() {
    for (piece& p : pieces_) {
      if (p.graph)
        cuda::check(cudaGraphLaunch(p.exec.get(), executor_.stream()), "cudaGraphLaunch");
      else
        p.run(&executor_, p.words.address(0));
    }
  }
  /// The name of the first node that another capture of the same call has not, or with other arguments; or null.
  const char* difference(const captured& o) const {
    for (std::size_t i = 0; i < pieces_.size() && i < o.pieces_.size(); ++i) {
      const piece &a = pieces_[i], &b = o.pieces_[i];
      if (!a.graph != !b.graph || a.run != b.run) return "call";
      if (const char* name = a.nodes.difference(b.nodes, a.words, b.words)) return name;
    }
    return pieces_.size() == o.pieces_.size() ? nullptr : "call";
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
    parent.into().early_ |= early_;
    parent.into().add_child(pieces_[0].graph.get(), names_);
    return true;
  }
  /// Captures body() as what is repeated while *going, at most `most` times.
  template <class Body>
  void loop(const std::uint8_t* going, index most, Body&& body) {
    auto round = [&](auto&& at_its_end) {
      recording_.enter_loop();
      body();
      at_its_end();
      recording_.leave_loop();
    };
    if (rehearses_) return round([] {});
    if (!recording_.in_loop()) rehearse([&] { round([] {}); });  // and what is in it
    const buffer counter = executor_.allocate(sizeof(index));
    index* const count = static_cast<index*>(counter.data());
    cudaGraphConditionalHandle handle{};
    cuda::check(cudaGraphConditionalHandleCreate(&handle, position(executor_.stream()).graph, 0, 0),
                "cudaGraphConditionalHandleCreate");
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
    capture_aside(inner, [&] { round([&] { decide(false); }); });
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

  /// Captures what a loop's body issues into a graph that is thrown away. A capture into the body of a conditional node
  /// must not fail: the driver ends the process (it frees the body, and then uses it). What fails, fails here.
  template <class Round>
  void rehearse(const Round& round) {
    const std::size_t names = names_.size();
    const auto before = recording_.given();
    {
      const flag_guard rehearsing(rehearses_);
      capture_aside(nullptr, round);
    }
    names_.resize(names);
    recording_.take_back(before);
  }
  /// Captures issue() in a stream of its own, into a graph or to be thrown away.
  template <class Issue>
  void capture_aside(cudaGraph_t into, const Issue& issue) {
    const side_stream side;
    constexpr auto mode = cudaStreamCaptureModeThreadLocal;
    cuda::check(into ? cudaStreamBeginCaptureToGraph(side, into, nullptr, nullptr, 0, mode)
                     : cudaStreamBeginCapture(side, mode),
                into ? "cudaStreamBeginCaptureToGraph" : "cudaStreamBeginCapture");
    const cudaStream_t outer = executor_.exchange_stream(side);
    cudaGraph_t made = nullptr;
    try {
      issue();
    } catch (...) {
      executor_.exchange_stream(outer);
      refused_ = cudaPeekAtLastError();
      body_lost_ = is_lost(side);
      cudaStreamEndCapture(side, &made);
      const graph_owner dropped(into ? nullptr : made);
      cudaGetLastError();
      throw;
    }
    executor_.exchange_stream(outer);
    const cudaError_t last = cudaPeekAtLastError(), e = cudaStreamEndCapture(side, &made);
    const graph_owner dropped(into ? nullptr : made);
    if (e == cudaErrorStreamCaptureInvalidated) refuse(last);
    cuda::check(e, "cudaStreamEndCapture", "while");
  }
  cuda::early_place place() const {
    return recording_.in_loop() ? cuda::early_place::loop : side_ ? cuda::early_place::part : cuda::early_place::chain;
  }
  /// Only right after another kernel is there anything to gain; what the driver makes of it elsewhere is not
  /// documented.
  bool may_start_early(cudaStream_t stream) {
    if (!executor_.early_starts().allows(place())) return false;
    const capture_position at = position(stream);
    if (at.count != 1) return false;
    cudaGraphNodeType type{};
    cuda::check(cudaGraphNodeGetType(at.after[0], &type), "cudaGraphNodeGetType");
    if (type != cudaGraphNodeTypeKernel) return false;
    early_ |= cuda::early_starts::bit(place());
    return true;
  }
  void started_late(cudaError_t early, cudaError_t late) {
    if (late == cudaSuccess) {
      cudaGetLastError();
      executor_.early_starts().refuse(place());
      early_ &= ~cuda::early_starts::bit(place());
    } else if (late == cudaErrorStreamCaptureInvalidated) {
      suspect_early_starts(early);
    }
  }
  void suspect_early_starts(cudaError_t e) {
    if (cuda::early_starts::may_mean(e)) executor_.early_starts().suspect(early_);
  }

  void begin() {
    int device = 0;
    cuda::check(cudaGetDevice(&device), "cudaGetDevice");
    if (device != executor_.device())
      throw error(error_category::argument, text("fuse::graphed: the executor was made for device ")
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
    suspect_early_starts(e);
    cuda::check(e, "cudaStreamEndCapture");
    piece p{std::move(graph)};
    p.nodes.read(p.graph.get(), names_, loops_, p.words);
    if (p.nodes.size() > 0) pieces_.push_back(std::move(p));
  }
  [[noreturn]] void refuse(cudaError_t why) const {
    refuse_capture(why, names_.empty() ? text("its start") : text("the launch of ") << names_.back().second.c_str());
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
  capture_position position(cudaStream_t stream) const {
    const capture_position at = position_of(stream);
    if (!at.graph) refuse(cudaPeekAtLastError());
    return at;
  }
  void name_last(const char* name, cudaStream_t stream) {
    const capture_position at = position(stream);
    if (at.count == 1) names_.emplace_back(at.after[0], name);
  }
  /// Adds a node after what the stream has so far; what comes next comes after it.
  cudaGraphNode_t add_node(cudaGraphNodeParams& p, const char* name) {
    const capture_position at = position(executor_.stream());
    cudaGraphNode_t node = nullptr;
    const cudaError_t e = cudaGraphAddNode(&node, at.graph, at.after, nullptr, at.count, &p);
    if (p.type == cudaGraphNodeTypeGraph) suspect_early_starts(e);
    cuda::check(e, "cudaGraphAddNode", name);
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
    name_copies(graph, copy, names, names_);
  }
  /// Of a graph with a loop only one executable graph may exist at any time.
  void instantiate(piece& p) {
    const bool had_one = p.exec != nullptr;
    p.exec.reset();
    cudaGraphExec_t made = nullptr;
    cudaError_t e = cudaGraphInstantiate(&made, p.graph.get(), 0);
    if (had_one && cuda::early_starts::may_mean(e)) {  // its last launch may still run, and count
      cudaGetLastError();
      cuda::check(cudaStreamSynchronize(executor_.stream()), "cudaStreamSynchronize");
      e = cudaGraphInstantiate(&made, p.graph.get(), 0);
    }
    suspect_early_starts(e);
    cuda::check(e, "cudaGraphInstantiate");
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
  bool rehearses_ = false;             // a loop's body
  unsigned early_ = 0;                 // places where kernels start early
  cudaError_t refused_ = cudaSuccess;  // of a call in the body of a loop
  bool body_lost_ = false;             // and whether it ended the capture of the body
  std::vector<piece> pieces_;
  node_names names_;
  std::vector<cuda_nodes::loop> loops_;
  std::int64_t updates_ = 0;
  recording recording_;
};

}  // namespace fuse::runtime

// SPDX-License-Identifier: Apache-2.0
// A captured call on the host: the list of its kernels with their arguments, run again in order.
#pragma once
#include <fuse/exec/host_executor.hpp>
#include <fuse/runtime/captured.hpp>

namespace fuse::runtime {

template <modes Built>
class captured<host_executor<Built>> {
 public:
  using executor_type = host_executor<Built>;
  static constexpr bool may_pin = false;
  static constexpr int alignment = 64;  // of an address modulo it the choice of stores depends

  captured(executor_type& executor, std::uint64_t arena)
      : executor_(executor), previous_(executor.recording()), recording_(*this, arena) {
    executor_.record(&recording_);
  }
  ~captured() { stop(); }
  captured(const captured&) = delete;
  captured& operator=(const captured&) = delete;

  class recording final : public arena_recorder<host_recorder> {
   public:
    recording(captured& into, std::uint64_t arena) : arena_recorder<host_recorder>(arena), into_(into) {}
    void add(const host_task& t) override { into_.add(t.name, kind::kernel, t.run, t.arguments, t.bytes); }
    void defer(const deferred_call& c) override {
      into_.owners_.push_back(c.owner);
      into_.add("call", kind::call, c.run, c.arguments, c.bytes);
    }
    captured& into() { return into_; }

   private:
    captured& into_;
  };

  void finish() { stop(); }
  void explain(const error&) {}
  void keep_addresses() { parameters_.keep_addresses(); }
  arena_layout& layout() { return recording_.layout(); }
  int tensors() const { return recording_.tensors(); }
  /// From where the addresses of each region counted during the capture.
  void measure(const std::vector<std::uint64_t>& origins) { parameters_.measure(origins); }
  void prepare(const std::vector<std::uint64_t>& values) { bind_all(values); }
  void bind_all(const std::vector<std::uint64_t>& values) {
    for (std::size_t r = 0; r < values.size(); ++r) bind(r, values[r]);
  }
  void bind(std::size_t region, std::uint64_t value) {
    parameters_.bind(region, value, [](int) {});
  }
  void update() {}
  static bool is_refused() { return false; }
  std::int64_t updates() const { return 0; }
  void launch() {
    open_.clear();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const node& n = nodes_[i];
      if (n.what == kind::loop) {
        const loop_words& l = *static_cast<const loop_words*>(parameters_.address(n.at));
        if (*l.going && l.most > 0)
          open_.push_back(l.most);
        else
          i += n.distance;  // past its end
      } else if (n.what == kind::end) {
        const loop_words& l = *static_cast<const loop_words*>(parameters_.address(nodes_[i - n.distance].at));
        if (--open_.back() > 0 && *l.going)
          i -= n.distance;  // back to its beginning
        else
          open_.pop_back();
      } else {
        n.run(&executor_, parameters_.address(n.at));
      }
    }
  }
  /// Records body() as what is repeated while *going, at most `most` times.
  template <class Body>
  void loop(const std::uint8_t* going, index most, Body&& body) {
    const std::size_t begin = nodes_.size();
    const loop_words l{going, most};
    add("while", kind::loop, nullptr, &l, sizeof l);
    recording_.enter_loop();
    body();
    recording_.leave_loop();
    add("end", kind::end, nullptr, nullptr, 0);
    nodes_[begin].distance = nodes_.back().distance = nodes_.size() - 1 - begin;
  }
  /// The name of the first node that another capture of the same call has not, or with other arguments; or null.
  const char* difference(const captured& o) const {
    for (std::size_t i = 0; i < nodes_.size() && i < o.nodes_.size(); ++i) {
      const node &a = nodes_[i], &b = o.nodes_[i];
      const bool same =
          a.run == b.run && a.bytes == b.bytes && a.what == b.what && a.distance == b.distance &&
          (a.what == kind::call || std::memcmp(parameters_.address(a.at), o.parameters_.address(b.at), a.bytes) == 0);
      if (!same) return a.name;
    }
    const std::size_t n = std::min(nodes_.size(), o.nodes_.size());
    return n < nodes_.size() ? nodes_[n].name : n < o.nodes_.size() ? o.nodes_[n].name : nullptr;
  }
  bool is_opaque() const { return false; }
  bool has_foreign() const { return false; }
  /// Appends the nodes to the call that is being captured, with these addresses. Returns false where they cannot be
  /// there: a call in a loop.
  bool append_to(recording& parent, const std::vector<std::uint64_t>& values) {
    if (parent.in_loop() &&
        std::any_of(nodes_.begin(), nodes_.end(), [](const node& n) { return n.what == kind::call; }))
      return false;
    bind_all(values);
    captured& into = parent.into();
    for (const node& n : nodes_) {
      into.add(n.name, n.what, n.run, parameters_.address(n.at), n.bytes);
      into.nodes_.back().distance = n.distance;
    }
    for (const auto& o : owners_) into.owners_.push_back(o);
    return true;
  }

  /// Places in the kernels' arguments that are rebound.
  std::size_t places() const { return parameters_.use_count(); }
  std::vector<edge_info> edges() const {
    std::vector<edge_info> r;
    const std::vector<node_info> all = nodes();
    int last = -1;
    for (int i = 0; i < static_cast<int>(all.size()); ++i) {
      const node_info& n = all[static_cast<std::size_t>(i)];
      if (n.depth > 0) continue;
      if (last >= 0 && all[static_cast<std::size_t>(last)].piece == n.piece) r.push_back({last, i, false});
      last = i;
    }
    return r;
  }
  std::vector<node_info> nodes() const {
    std::vector<node_info> r;
    int piece = 0, depth = 0;
    for (const node& n : nodes_) {
      constexpr const char* names[] = {"kernel", "call", "loop", ""};
      if (n.what == kind::end) {
        --depth;
        continue;
      }
      if (n.what == kind::call) ++piece;
      r.push_back({n.name, names[static_cast<int>(n.what)], piece, depth});
      if (n.what == kind::call) ++piece;
      if (n.what == kind::loop) ++depth;
    }
    return r;
  }

 private:
  enum class kind : std::uint8_t { kernel, call, loop, end };
  struct loop_words {
    const std::uint8_t* going;
    index most;
  };
  struct node {
    const char* name;
    kind what;
    void (*run)(void*, const void*);
    std::size_t at, bytes;
    std::size_t distance = 0;  // between the beginning and the end of a loop
  };
  void add(const char* name, kind what, void (*run)(void*, const void*), const void* data, std::size_t bytes) {
    const std::size_t at = parameters_.add(static_cast<int>(nodes_.size()), data, bytes);
    nodes_.push_back({name, what, run, at, bytes});
  }
  void stop() {
    if (executor_.recording() == &recording_) executor_.record(previous_);
  }

  executor_type& executor_;
  host_recorder* previous_;  // of the capture that this one is part of
  parameters parameters_;
  std::vector<node> nodes_;
  std::vector<std::shared_ptr<void>> owners_;
  std::vector<index> open_;  // rounds left of the loops that are running
  recording recording_;
};

}  // namespace fuse::runtime

// SPDX-License-Identifier: Apache-2.0
// The graphs that a graphed function keeps, and the memory that they work in.
#pragma once
#include <algorithm>
#include <fuse/runtime/graph_entry.hpp>
#include <fuse/runtime/options.hpp>
#include <fuse/runtime/working_memory.hpp>

namespace fuse::runtime {

/// Graphs of calls, and graphs that only ever become part of others. Of each as many as the options allow: the least
/// recently used one makes room.
template <class Executor>
class graph_store {
 public:
  using entry = graph_entry<Executor>;

  graph_store(Executor& executor, const graph_options& options, graph_counts& counts)
      : executor_(executor), options_(options), counts_(counts) {}

  /// In the order of their capture.
  const std::vector<std::unique_ptr<entry>>& graphs() const { return graphs_; }
  bool is_latest(const entry& e) const { return &e == latest_; }
  /// The graph that serves a call, or null.
  entry* find(const call_key& key) {
    auto serves = [&](const entry& e) {
      return key.is(e.words) && (!e.pinned || e.has_values_of(key)) && (!e.has_foreign || key.is_aligned_as(e.origins));
    };
    if (latest_ && serves(*latest_)) return latest_;
    for (auto& e : graphs_)
      if (serves(*e)) return latest_ = e.get();
    return nullptr;
  }
  entry* find_part(const call_key& key) {
    const auto at = std::find_if(parts_.begin(), parts_.end(), [&](const auto& e) { return key.is(e->words); });
    return at == parts_.end() ? nullptr : at->get();
  }
  /// Is there a graph for such a call that serves other addresses alone?
  bool has_pinned(const call_key& key) const {
    return std::any_of(graphs_.begin(), graphs_.end(), [&](const auto& e) { return e->pinned && key.is(e->words); });
  }
  entry& keep(std::unique_ptr<entry> e) {
    latest_ = &keep(graphs_, std::move(e));
    count_bytes();
    return *latest_;
  }
  entry& keep_part(std::unique_ptr<entry> e) { return keep(parts_, std::move(e)); }
  void drop(entry& e) {
    if (latest_ == &e) latest_ = nullptr;
    for (entries* among : {&graphs_, &parts_}) std::erase_if(*among, [&](const auto& x) { return x.get() == &e; });
  }
  /// Such a call cannot be captured: it is not tried again. As many are remembered as graphs are kept.
  void refuse(const call_key& key, const char* why) {
    if (refused_.size() >= options_.capacity) refused_.erase(refused_.begin());
    refused_.push_back({key.words(), why});
  }
  const text* why_refused(const call_key& key) const {
    const auto at = std::find_if(refused_.begin(), refused_.end(), [&](const auto& r) { return key.is(r.words); });
    return at == refused_.end() ? nullptr : &at->why;
  }
  void note_use(entry& e) { e.last_used = ++clock_; }
  void note_launch(entry& e) {
    note_use(e);
    latest_ = &e;
  }
  /// While it is up, the log is told of memory before it is allocated.
  bool& warming() { return warming_; }
  void clear() {
    latest_ = nullptr;
    graphs_.clear();
    parts_.clear();
    refused_.clear();
    memory_.clear();
    count_bytes();
  }

  /// A graph works in memory in which no argument lies: it would be overwritten before it is read.
  void find_room(entry& e, const call_key& key) {
    if (e.memory && !key.meets(e.memory->address(), static_cast<std::uint64_t>(e.arena_bytes))) return;
    give_memory(e, key, e.arena_bytes);
    e.values[0] = e.memory->address();
    e.work->bind(0, e.values[0]);
  }
  /// Memory of at least so many bytes for a call: that of the graphs before, if it is large enough.
  void give_memory(entry& e, const call_key& key, index bytes) {
    const std::size_t place = memory_.free_of(key);
    if (!memory_.has(place, bytes)) {
      const index others = bytes_owned(place), limit = static_cast<index>(options_.memory_limit);
      if (limit > 0 && others + bytes > limit) {
        text s = text("fuse::graphed: the graph needs ") << bytes << " bytes";
        if (others > 0) s << " beside " << others << " of others";
        throw error(error_category::memory, s << ", graph_options::memory_limit is " << limit);
      }
      if (warming_ && options_.log) options_.log(text("fuse::graphed: graphs need ") << bytes << " bytes of memory");
      const auto before = memory_.grow(executor_, place, bytes);
      for (const auto& other : graphs_)  // they move when they are used
        if (!other->pinned && other->memory == before) other->memory.reset();
    }
    e.memory = memory_.at(place);
    count_bytes();
  }

 private:
  using entries = std::vector<std::unique_ptr<entry>>;

  entry& keep(entries& among, std::unique_ptr<entry> e) {
    while (among.size() >= options_.capacity) {
      const auto oldest = std::min_element(among.begin(), among.end(),
                                           [](const auto& x, const auto& y) { return x->last_used < y->last_used; });
      if (oldest->get() == latest_) latest_ = nullptr;
      among.erase(oldest);
      ++counts_.evictions;
    }
    note_use(*e);
    among.push_back(std::move(e));
    return *among.back();
  }
  /// Bytes of all memory but that of this place.
  index bytes_owned(std::size_t but = std::size_t(-1)) const {
    std::vector<const graph_memory*> seen;
    index bytes = 0;
    auto add = [&](const std::shared_ptr<graph_memory>& m) {
      if (!m || std::find(seen.begin(), seen.end(), m.get()) != seen.end()) return;
      seen.push_back(m.get());
      bytes += m->bytes;
    };
    memory_.for_each([&](std::size_t place, const auto& m) {
      if (place != but) add(m);
    });
    for (const auto& e : graphs_)
      if (e->pinned) add(e->memory);
    return bytes;
  }
  void count_bytes() { counts_.bytes = bytes_owned(); }

  Executor& executor_;
  const graph_options& options_;
  graph_counts& counts_;
  struct refused_call {
    std::vector<index> words;  // its key
    text why;
  };
  entries graphs_, parts_;
  std::vector<refused_call> refused_;
  entry* latest_ = nullptr;
  working_memory memory_;
  std::uint64_t clock_ = 0;
  bool warming_ = false;
};

}  // namespace fuse::runtime

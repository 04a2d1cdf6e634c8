// SPDX-License-Identifier: Apache-2.0
// graphed(executor, f): a callable that issues work on an executor becomes one that replays it. The first call of a
// shape captures; every later one binds its addresses and scalars and launches.
#pragma once
#include <fuse/runtime/graph_entry.hpp>
#include <fuse/runtime/host_capture.hpp>
#include <fuse/runtime/options.hpp>
#include <fuse/runtime/padding.hpp>
#include <fuse/runtime/working_memory.hpp>
#include <mutex>
#if defined(__CUDACC__)
#include <fuse/runtime/cuda_capture.hpp>
#endif

namespace fuse {

/// f(executor, arguments…) issues work: compiled functions, and on a GPU also kernels and library calls in the
/// executor's stream. It may return a tensor, a tuple of tensors, or nothing. During a capture it runs on the host two
/// to four times while its work runs never; what it does beside issuing work must not depend on how often.
///
/// f is given views for tensors and views, rebindable<T> for scalars (to be handed on to compiled functions), structs
/// with other addresses for structs, and what fixed(...) and static_input(...) hold. The executor must outlive this.
/// Calls from several threads are served one after the other.
template <class Executor, class F>
class graphed {
 public:
  graphed(Executor& executor, F f, graph_options options = {})
      : executor_(executor), f_(std::move(f)), options_(std::move(options)) {
    if (options_.capacity < 1)
      throw error(error_category::argument, "fuse::graphed: expected a capacity of at least 1");
  }
  graphed(const graphed&) = delete;
  graphed& operator=(const graphed&) = delete;

  /// The function's results as fuse::replayed, or a tuple of them, or nothing.
  template <class... A>
  auto operator()(const A&... a) {
    const serving here(*this);
    if constexpr ((runtime::is_padded<A> || ...))
      return with_padding(runtime::as_view(a)...);
    else
      return call(runtime::as_view(a)...);
  }
  /// Captures for the given calls, the largest first, without running anything. From then on a call that would have to
  /// capture is an error, or runs the function itself where the options allow it: nothing is captured while serving.
  ///   step.warm_up(std::tuple(ids_of_1, position), std::tuple(ids_of_8, position));
  template <class... Call>
  void warm_up(const Call&... calls) {
    const serving here(*this);
    if (entries_.size() + sizeof...(calls) > options_.capacity)
      throw error(error_category::argument, text("fuse::graphed: ")
                                                << sizeof...(calls) << " calls to warm up beside " << entries_.size()
                                                << " graphs, graph_options::capacity is " << options_.capacity);
    struct job {
      index bytes;
      std::function<void()> run;
    };
    std::vector<job> jobs;
    auto plan = [&](const auto& one) {
      std::apply(
          [&](const auto&... a) {
            runtime::call_key key;
            key.read(nullptr, work_type::alignment, padding_.stretched(a)...);
            jobs.push_back({key.bytes(),
                            [&] { std::apply([&](const auto&... b) { capture_only(runtime::as_view(b)...); }, one); }});
          },
          one);
    };
    (plan(calls), ...);
    std::stable_sort(jobs.begin(), jobs.end(), [](const job& x, const job& y) { return x.bytes > y.bytes; });
    const runtime::flag_guard warming(warming_);
    for (const job& j : jobs) j.run();
    warm_ = true;
  }
  /// Bytes of memory that the graph of such a call needs, found without making it. Graphs share memory: all together
  /// need what the largest does.
  template <class... A>
  index bytes_needed(const A&... a) {
    const serving here(*this);
    return std::apply(
        [&](const auto&... x) {
          read_key(x...);
          const values origins = runtime::shadow_origins(key_);
          work_type probe(executor_, origins[0]);
          collect(probe, origins, x...);
          return probe.layout().peak();
        },
        std::tuple(padding_.stretched(a)...));
  }
  /// Forgets all graphs, and that it was warmed up.
  void clear() {
    const serving here(*this);
    latest_ = nullptr;
    entries_.clear();
    templates_.clear();
    memory_.clear();
    warm_ = false;
    counts_.bytes = 0;
  }
  graph_counts counts() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return entries_.size();
  }
  /// The graphs as they are, in the order of their capture.
  std::vector<runtime::graph_info> graphs() const {
    const std::scoped_lock lock(mutex_);
    std::vector<runtime::graph_info> all;
    for (const auto& e : entries_)
      all.push_back(
          {e->work->nodes(), e->work->edges(), e->work->places(), e->arena_bytes, e->pinned, e.get() == latest_});
    return all;
  }

 private:
  using work_type = runtime::captured<Executor>;
  using entry = runtime::graph_entry<Executor>;
  using entries = std::vector<std::unique_ptr<entry>>;
  using values = std::vector<std::uint64_t>;

  /// One call at a time: others wait, and one from within it is an error.
  struct serving {
    explicit serving(graphed& g) : lock(g.mutex_), busy(not_busy(g)) {}
    static bool& not_busy(graphed& g) {
      if (g.busy_)
        throw error(error_category::capture,
                    "fuse::graphed: called from within its own call, by the function or by graph_options::log (of "
                    "itself it may ask counts(), size() and graphs())");
      return g.busy_;
    }
    std::scoped_lock<std::recursive_mutex> lock;
    runtime::flag_guard busy;
  };

  bool uses_graphs() const { return options_.how == mode::graphed && executor_.current_mode() != mode::eager; }

  /// f with its arguments at these places.
  template <class... A>
  auto run_at(const values& origins, const A&... a) {
    runtime::call_key::placement next(key_, origins);
    // Braces: from left to right.
    std::tuple<decltype(runtime::rebuild(a, next))...> arguments{runtime::rebuild(a, next)...};
    return std::apply([&](auto&... x) { return f_(executor_, x...); }, arguments);
  }
  template <class A>
  using rebuilt = decltype(runtime::rebuild(std::declval<const A&>(), std::declval<runtime::call_key::placement&>()));
  template <class... A>
  using returned = decltype(std::declval<F&>()(std::declval<Executor&>(), std::declval<rebuilt<A>&>()...));
  template <class... A>
  using held = runtime::held<returned<A...>>;

  template <class... A>
  auto call(const A&... a) {
    if (!uses_graphs()) return run_directly(a...);
    read_key(a...);
    if (executor_.recording() && executor_.recording()->captures()) return call_within(a...);
    entry* e = entry_for(a...);
    if (!e) return run_directly(a...);
    launch(*e);
    return results_of<A...>(*e, e->values);
  }
  /// The graph for the call whose key has been read, captured if need be. Null where the function itself is to run.
  template <class... A>
  entry* entry_for(const A&... a) {
    if (entry* e = find()) return e;
    if (warm_) {
      if (!options_.fall_back)
        throw error(error_category::capture,
                    has_pinned(key_)
                        ? "fuse::graphed: a call of this shape was warmed up with other addresses, and its "
                          "graph cannot be rebound (call with the same memory, or allow "
                          "graph_options::fall_back)"
                        : "fuse::graphed: a call of this shape was not warmed up (add it to warm_up, pad "
                          "it to a bucket with fuse::padded, or allow graph_options::fall_back)");
      return fall_back("it was not warmed up");
    }
    if (!options_.fall_back) return capture(a...);
    try {
      return capture(a...);
    } catch (const error& problem) {
      if (problem.category() != error_category::capture && problem.category() != error_category::memory) throw;
      return fall_back(problem.what());
    }
  }
  entry* fall_back(const char* why) {
    ++counts_.fallbacks;
    if (options_.log) options_.log(text("fuse::graphed: ran the function itself: ") << why);
    return nullptr;
  }

  template <class... A>
  void read_key(const A&... a) {
    key_.read(&runtime::type_tag<A...>, work_type::alignment, a...);
  }
  entry* find() {
    auto serves = [&](const entry& e) {
      return key_.is(e.words) && (!e.pinned || same_addresses(e)) && (!e.has_foreign || key_.is_aligned_as(e.origins));
    };
    if (latest_ && serves(*latest_)) return latest_;
    for (auto& e : entries_)
      if (serves(*e)) return latest_ = e.get();
    return nullptr;
  }
  bool same_addresses(const entry& e) const {
    return std::equal(e.values.begin() + 1, e.values.end(), key_.values().begin() + 1, key_.values().end());
  }

  bool has_pinned(const runtime::call_key& key) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const auto& e) { return e->pinned && key.is(e->words); });
  }

  /// Binds the call's addresses and scalars, and launches.
  void launch(entry& e) {
    check_static(e);
    const values& now = key_.values();
    if (!e.bound || !e.memory || !same_addresses(e) || options_.check_memory) {
      check_outputs();
      find_room(e);
      for (std::size_t r = 1; r < now.size(); ++r) {
        const bool is_new = !e.bound || e.values[r] != now[r];
        if (key_.has_memory(r) && (is_new || options_.check_memory)) check_address(r, now[r]);
        if (!is_new) continue;
        e.work->bind(r, now[r]);
        e.values[r] = now[r];
        ++counts_.rebinds;
      }
      e.bound = true;
    }
    const std::int64_t before = e.work->updates();
    e.work->update();
    counts_.updates += e.work->updates() - before;
    ++e.memory->generation;  // also where a launch fails halfway
    {
      const profile_range range(options_.name);
      e.work->launch();
    }
    ++counts_.replays;
    e.last_used = ++clock_;
    latest_ = &e;
  }
  /// A graph works in memory in which no argument lies: it would be overwritten before it is read.
  void find_room(entry& e) {
    if (e.memory && !key_.meets(e.memory->address(), static_cast<std::uint64_t>(e.arena_bytes))) return;
    give_memory(e, e.arena_bytes);
    e.values[0] = e.memory->address();
    e.work->bind(0, e.values[0]);
  }
  void check_outputs() const {
    if (key_.writes_to_static())
      throw error(error_category::argument,
                  "fuse::graphed: a tensor of fuse::out lies in a static input (static_input is for what no call "
                  "writes to: pass that as it is)");
  }
  void check_static(const entry& e) const {
    for (std::size_t i = 0; i < e.stays.size(); ++i)
      if (e.stays[i] != key_.stays()[i])
        throw error(error_category::argument,
                    text("fuse::graphed: tensor ")
                        << i
                        << " of the static inputs has moved since the graph was captured "
                           "(static_input promises that it never does; pass it as it is, or clear())");
  }
  void check_address(std::size_t region, std::uint64_t address) {
    auto which = [&] { return text("fuse::graphed: memory ") << region - 1 << " of the arguments"; };
    const void* p = reinterpret_cast<const void*>(address);
    if (options_.check_memory)
      executor_.check_memory(which, p);
    else
      executor_.check_pointer(which, p);
  }

  // ---- capturing ----

  template <class... A>
  void capture_only(const A&... a) {
    if (!uses_graphs()) return;
    if constexpr ((runtime::is_padded<A> || ...)) {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        std::apply([&](const auto&... x) { find_padded_results(*warmed(x...), std::tie(a...), x...); },
                   std::tuple<decltype(padding_.stretched(a))...>{padding_.room_for(I, a)...});
      }
      (std::index_sequence_for<A...>());
    } else {
      warmed(a...);
    }
  }
  template <class... A>
  entry* warmed(const A&... a) {
    read_key(a...);
    entry* e = find();
    return e ? e : capture(a...);
  }
  template <class... A>
  entry* capture(const A&... a) {
    check_outputs();
    auto e = std::make_unique<entry>();
    e->words = key_.words();
    e->stays = key_.stays();
    if (has_pinned(key_) || !capture_rebindable(*e, a...)) capture_pinned(*e, a...);
    e->has_foreign = !e->pinned && e->work->has_foreign();
    e->last_used = ++clock_;
    ++counts_.captures;
    make_room(entries_);
    entries_.push_back(std::move(e));
    count_bytes();
    return latest_ = entries_.back().get();
  }
  /// Captures at shadow addresses, and again at real ones: that both agree proves that every address is known. Returns
  /// false where a graph for these addresses alone has to do.
  template <class... A>
  bool capture_rebindable(entry& e, const A&... a) {
    if (!capture_at_shadows(e, a...)) return false;
    give_memory(e, e.arena_bytes);
    e.values = key_.values();
    e.values[0] = e.memory->address();
    if (!serves(e, e.values, a...)) return false;
    e.work->prepare(e.values);
    e.bound = true;
    return true;
  }
  template <class... A>
  bool capture_at_shadows(entry& e, const A&... a) {
    e.origins = runtime::shadow_origins(key_);
    try {
      e.work = std::make_unique<work_type>(executor_, e.origins[0]);
      e.results = collect(*e.work, e.origins, a...);
    } catch (const error& problem) {
      e.work.reset();
      if (!work_type::may_pin || problem.category() != error_category::capture) throw;
      return false;
    } catch (...) {  // of the function: a call that was given an address may have failed, and will not with a real one
      e.work.reset();
      if (!work_type::may_pin) throw;
      return false;
    }
    e.work->measure(e.origins);
    e.arena_bytes = e.work->layout().peak();
    if (!e.work->is_opaque()) return true;
    e.work.reset();
    e.results.reset();
    return false;
  }
  /// Is what was captured at shadow addresses, bound to these, what is captured at these?
  template <class... A>
  bool serves(entry& e, const values& elsewhere, const A&... a) {
    work_type again(executor_, elsewhere[0]);
    bool same = true;
    try {
      collect(again, elsewhere, a...);
    } catch (...) {  // of other work, which needs memory that is not there
      same = again.layout().peak() <= e.arena_bytes;
      if (same) throw;
    }
    e.work->bind_all(elsewhere);
    if (same && e.work->same_as(again)) return true;
    if (!work_type::may_pin)
      throw error(error_category::capture,
                  "fuse::graphed: the function issues other work for other addresses, or at every call (it must "
                  "issue the same for arguments of one shape; give it what it decides by with fuse::fixed)");
    e.work.reset();
    e.results.reset();
    return false;
  }
  /// A graph that holds the call's own addresses: for work that takes addresses in a form of its own.
  template <class... A>
  void capture_pinned(entry& e, const A&... a) {
    e.pinned = true;
    e.origins = e.values = key_.values();
    index needed = index(1) << 20;
    if (options_.memory_limit > 0) needed = std::min(needed, static_cast<index>(options_.memory_limit));
    needed = std::max(needed, e.arena_bytes);
    do {
      e.results.reset();
      e.work.reset();
      give_memory(e, needed);
      e.values[0] = e.origins[0] = e.memory->address();
      e.work = std::make_unique<work_type>(executor_, e.values[0]);
      try {
        e.results = collect(*e.work, e.values, a...);
      } catch (...) {  // a call may have been given memory that is not there yet
        if (e.work->layout().peak() <= e.memory->bytes) throw;
      }
      needed = e.work->layout().peak();
    } while (needed > e.memory->bytes);
    e.arena_bytes = needed;
    e.work->keep_addresses();
    e.work->prepare(e.values);
    e.bound = true;
    ++counts_.pinned;
    if (options_.log)
      options_.log(
          "fuse::graphed: a call in the function takes addresses that cannot be rebound: this graph serves only "
          "the addresses it was captured with (launch kernels with plain pointer arguments, and copy with compiled "
          "functions)");
  }
  /// Runs f into the capture, ends it, and returns its results for keeping.
  template <class... A>
  std::shared_ptr<void> collect(work_type& work, const values& origins, const A&... a) {
    std::shared_ptr<void> results;
    try {
      if constexpr (std::is_void_v<returned<A...>>) {
        run_at(origins, a...);
      } else {
        using type = typename held<A...>::type;
        results = std::make_shared<type>(held<A...>::of(run_at(origins, a...)));
      }
    } catch (const error& problem) {
      work.explain(problem);
      throw;
    }
    work.finish();
    if (work.tensors() > held<A...>::tensors)
      throw error(error_category::capture,
                  "fuse::graphed: a tensor that the function allocated outlives it without being returned (return it, "
                  "or make it before the call)");
    return results;
  }
  /// Memory of at least so many bytes for the call at hand: that of the graphs before, if it is large enough.
  void give_memory(entry& e, index bytes) {
    const std::size_t place = memory_.free_of(key_);
    if (!memory_.has(place, bytes)) {
      const index others = bytes_owned(place), limit = static_cast<index>(options_.memory_limit);
      if (limit > 0 && others + bytes > limit) {
        text s = text("fuse::graphed: the graph needs ") << bytes << " bytes";
        if (others > 0) s << " beside " << others << " of others";
        throw error(error_category::memory, s << ", graph_options::memory_limit is " << limit);
      }
      if (warming_ && options_.log) options_.log(text("fuse::graphed: graphs need ") << bytes << " bytes of memory");
      const auto before = memory_.grow(executor_, place, bytes);
      for (const auto& other : entries_)  // they move when they are used
        if (!other->pinned && other->memory == before) other->memory.reset();
    }
    e.memory = memory_.at(place);
    count_bytes();
  }
  void make_room(entries& among) {
    while (among.size() >= options_.capacity) {
      const auto oldest = std::min_element(among.begin(), among.end(),
                                           [](const auto& x, const auto& y) { return x->last_used < y->last_used; });
      if (oldest->get() == latest_) latest_ = nullptr;
      among.erase(oldest);
      ++counts_.evictions;
    }
  }
  /// Bytes of all memory but that of this place.
  index bytes_owned(std::size_t but = std::size_t(-1)) const {
    std::vector<const runtime::graph_memory*> seen;
    index bytes = 0;
    auto add = [&](const std::shared_ptr<runtime::graph_memory>& m) {
      if (!m || std::find(seen.begin(), seen.end(), m.get()) != seen.end()) return;
      seen.push_back(m.get());
      bytes += m->bytes;
    };
    memory_.for_each([&](std::size_t place, const auto& m) {
      if (place != but) add(m);
    });
    for (const auto& e : entries_)
      if (e->pinned) add(e->memory);
    return bytes;
  }
  void count_bytes() { counts_.bytes = bytes_owned(); }

  template <class... A>
  auto results_of(const entry& e, const values& now) const {
    if constexpr (!std::is_void_v<returned<A...>>) {
      using type = typename held<A...>::type;
      return runtime::map_results(*static_cast<const type*>(e.results.get()), [&](const auto& r) {
        return placed(e, r.view(), now, [&](auto view) { return replayed(view, e.memory); });
      });
    }
  }
  /// A result of the capture at the addresses of a call; in_arena(view) where it is the graph's memory.
  template <class V, class Arena>
  static replayed<V> placed(const entry& e, const V& shape, const values& now, Arena&& in_arena) {
    const auto address = reinterpret_cast<std::uint64_t>(shape.data());
    const std::size_t r = shadow::is(address) ? static_cast<std::size_t>(shadow::region_of(address)) : 0;
    if (!shadow::is(address)) {
      const bool own = e.memory && address - e.origins[0] < static_cast<std::uint64_t>(e.memory->bytes);
      return own ? in_arena(shape) : replayed<V>(shape, std::shared_ptr<void>());
    }
    const V view = runtime::view_at(shape, reinterpret_cast<void*>(now[r] + (address - e.origins[r])));
    return r == 0 ? in_arena(view) : replayed<V>(view, std::shared_ptr<void>());
  }

  // ---- without a graph ----

  template <class... A>
  auto run_directly(const A&... a) {
    read_key(a...);
    const runtime::mode_guard guard(executor_, options_.how == mode::eager ? mode::eager : executor_.current_mode());
    if constexpr (std::is_void_v<returned<A...>>)
      run_at(key_.values(), a...);
    else
      return held<A...>::of(run_at(key_.values(), a...));
  }
  // ---- within another capture ----

  /// Two captures at different addresses, neither of which is memory, prove that every address is known.
  template <class... A>
  bool capture_part(entry& e, const A&... a) {
    if (!capture_at_shadows(e, a...)) return false;
    values elsewhere = e.origins;
    for (std::size_t r = 0; r < elsewhere.size(); ++r) elsewhere[r] += (static_cast<std::uint64_t>(r) + 1) << 20;
    return serves(e, elsewhere, a...);
  }
  /// Captured once for a shape, and then part of every graph that calls it.
  template <class... A>
  auto call_within(const A&... a) {
    auto found = std::find_if(templates_.begin(), templates_.end(), [&](const auto& e) { return key_.is(e->words); });
    if (found == templates_.end()) {
      auto e = std::make_unique<entry>();
      e->words = key_.words();
      e->stays = key_.stays();
      e->pinned = !capture_part(*e, a...);
      make_room(templates_);
      templates_.push_back(std::move(e));
      found = templates_.end() - 1;
      ++counts_.captures;
    }
    entry& e = **found;
    e.last_used = ++clock_;
    check_static(e);
    if (e.pinned) return run_directly(a...);
    auto memory =
        std::make_shared<buffer>(executor_.allocate(static_cast<std::size_t>(std::max<index>(e.arena_bytes, 1))));
    values now = key_.values();
    now[0] = reinterpret_cast<std::uintptr_t>(memory->data());
    using recording = typename work_type::recording;
    if (!e.work->append_to(*static_cast<recording*>(executor_.recording()), now)) {
      memory.reset();
      return run_directly(a...);
    }
    ++counts_.nested;
    if constexpr (!std::is_void_v<returned<A...>>) {
      using type = typename held<A...>::type;
      return runtime::map_results(*static_cast<const type*>(e.results.get()), [&](const auto& r) {
        return placed(e, r.view(), now, [&](auto view) { return replayed(view, std::shared_ptr<void>(memory)); });
      });
    }
  }

  // ---- padding ----

  template <class... A>
  auto with_padding(const A&... a) {
    if (executor_.recording() && executor_.recording()->captures())
      throw error(error_category::capture,
                  "fuse::graphed: a padded argument is copied by the host, which no graph can hold (pad in the call of "
                  "the outermost graphed function)");
    if (!uses_graphs()) return run_directly(padding_.plain(a)...);
    runtime::padded_lengths lengths;
    const auto arguments = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<decltype(padding_.stretched(a))...>{padding_.fill(I, a, lengths)...};
    }
    (std::index_sequence_for<A...>());
    return std::apply(
        [&](const auto&... x) {
          read_key(x...);
          entry* e = entry_for(x...);
          if (!e) return run_directly(padding_.plain(a)...);
          find_padded_results(*e, std::tie(a...), x...);
          launch(*e);
          if constexpr (!std::is_void_v<returned<std::remove_cvref_t<decltype(x)>...>>) {
            std::size_t number = 0;
            return runtime::map_results(
                results_of<std::remove_cvref_t<decltype(x)>...>(*e, e->values),
                [&](const auto& r) { return e->follows[number++] ? runtime::narrowed(r, lengths.given) : r; });
          }
        },
        arguments);
  }
  /// Which results have as many rows as the padded arguments? Those that have others when the function is asked for
  /// arguments of another length; where it refuses that, those of the bucket's length.
  template <class Given, class... X>
  void find_padded_results(entry& e, const Given& given, const X&... x) {
    if constexpr (!std::is_void_v<returned<X...>>) {
      if (!e.follows.empty()) return;
      padding_.check_results(results_of<X...>(e, key_.values()), given, x...);
      const auto& results = *static_cast<const typename held<X...>::type*>(e.results.get());
      const std::vector<index> lengths = runtime::leading_lengths(results);
      std::vector<index> others;
      try {
        std::apply(
            [&](const auto&... a) {
              const auto shorter = std::tuple(padding_.of_another_length(a)...);
              std::apply([&](const auto&... y) { read_key(y...); }, shorter);
              const values origins = runtime::shadow_origins(key_);
              work_type probe(executor_, origins[0]);
              const auto found = std::apply([&](const auto&... y) { return collect(probe, origins, y...); }, shorter);
              others = runtime::leading_lengths(*static_cast<const typename held<X...>::type*>(found.get()));
            },
            given);
      } catch (const error&) {
      }
      read_key(x...);
      for (std::size_t i = 0; i < lengths.size(); ++i)
        e.follows.push_back(others.empty() ? lengths[i] == padding_.bucket_of(given) : lengths[i] != others[i]);
    }
  }

  Executor& executor_;
  F f_;
  graph_options options_;
  mutable std::recursive_mutex mutex_;
  bool busy_ = false, warming_ = false;
  runtime::call_key key_;
  entries entries_, templates_;
  entry* latest_ = nullptr;
  runtime::working_memory memory_;
  runtime::padding<Executor> padding_{executor_, options_.padding, work_type::alignment};
  bool warm_ = false;
  std::uint64_t clock_ = 0;
  graph_counts counts_;
};

}  // namespace fuse

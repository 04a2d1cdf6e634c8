// SPDX-License-Identifier: Apache-2.0
// graphed(executor, f): a callable that issues work on an executor becomes one that replays it. The first call of a
// shape captures; every later one binds its addresses and scalars and launches.
#pragma once
#include <fuse/runtime/capturer.hpp>
#include <fuse/runtime/host_capture.hpp>
#include <fuse/runtime/padding.hpp>
#include <mutex>
#if defined(__CUDACC__)
#include <fuse/runtime/cuda_capture.hpp>
#endif

namespace fuse {

/// f(executor, arguments…) issues work: compiled functions, and on a GPU also kernels and library calls in the
/// executor's stream. It may return a tensor, a tuple of tensors, or nothing. During a capture it runs on the host two
/// to four times, or more where the driver refuses something, while its work runs never; what it does beside issuing
/// work must not depend on how often.
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
    const std::size_t kept = store_.graphs().size();
    if (kept + sizeof...(calls) > options_.capacity)
      throw error(error_category::argument, text("fuse::graphed: ")
                                                << sizeof...(calls) << " calls to warm up beside " << kept
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
    const runtime::flag_guard warming(store_.warming());
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
          return capturer_.probe(x...).bytes;
        },
        std::tuple(padding_.stretched(a)...));
  }
  /// Forgets all graphs, and that it was warmed up.
  void clear() {
    const serving here(*this);
    store_.clear();
    warm_ = false;
  }
  graph_counts counts() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return store_.graphs().size();
  }
  /// The graphs as they are, in the order of their capture.
  std::vector<runtime::graph_info> graphs() const {
    const std::scoped_lock lock(mutex_);
    std::vector<runtime::graph_info> all;
    for (const auto& e : store_.graphs())
      all.push_back(
          {e->work->nodes(), e->work->edges(), e->work->places(), e->arena_bytes, e->pinned, store_.is_latest(*e)});
    return all;
  }

 private:
  using capturer = runtime::capturer<Executor, F>;
  using work_type = typename capturer::work_type;
  using entry = typename capturer::entry;
  using values = typename capturer::values;
  template <class... A>
  using returned = typename capturer::template returned<A...>;
  template <class... A>
  using held = typename capturer::template held<A...>;

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

  template <class... A>
  auto call(const A&... a) {
    if (!uses_graphs()) return run_directly(a...);
    read_key(a...);
    if (executor_.recording() && executor_.recording()->captures()) return call_within(a...);
    entry* e = entry_for(a...);
    if (!e) return run_directly(a...);
    launch(e, a...);
    return results_of<A...>(*e, e->values);
  }
  /// The graph for the call whose key has been read, captured if need be. Null where the function itself is to run.
  template <class... A>
  entry* entry_for(const A&... a) {
    if (entry* e = store_.find(key_)) return e;
    if (warm_) {
      if (!options_.fall_back)
        throw error(error_category::capture,
                    store_.has_pinned(key_)
                        ? "fuse::graphed: a call of this shape was warmed up with other addresses, and its "
                          "graph cannot be rebound (call with the same memory, or allow "
                          "graph_options::fall_back)"
                        : "fuse::graphed: a call of this shape was not warmed up (add it to warm_up, pad "
                          "it to a bucket with fuse::padded, or allow graph_options::fall_back)");
      return fall_back("it was not warmed up");
    }
    if (!options_.fall_back) return capture(a...);
    if (const text* why = store_.why_refused(key_)) return fall_back(why->c_str());
    try {
      return capture(a...);
    } catch (const error& problem) {
      if (problem.category() != error_category::capture && problem.category() != error_category::memory) throw;
      if (problem.category() == error_category::capture) store_.refuse(key_, problem.what());
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
  /// Binds the call's addresses and scalars, and launches. A graph that the driver does not update is captured anew.
  template <class... A>
  void launch(entry*& e, const A&... a) {
    std::vector<bool> follows;
    bool again = false;
    capturer_.with_what_driver_takes([&] {
      if (std::exchange(again, true)) {
        if (e) {
          follows = e->follows;
          store_.drop(*std::exchange(e, nullptr));
        }
        e = capture(a...);
        e->follows = follows;
      }
      bind_and_launch(*e, a...);
    });
  }
  template <class... A>
  void bind_and_launch(entry& e, const A&... a) {
    bind(e);
    if (e.is_due()) capturer_.check_captures(e, e.values, a...);
    ++e.uses;
    const std::int64_t before = e.work->updates();
    e.work->update();
    counts_.updates += e.work->updates() - before;
    ++e.memory->generation;  // also where a launch fails halfway
    {
      const profile_range range(options_.name);
      e.work->launch();
    }
    ++counts_.replays;
    store_.note_launch(e);
  }
  void bind(entry& e) {
    e.check_static(key_);
    const values& now = key_.values();
    if (!e.bound || !e.memory || !e.has_values_of(key_) || options_.check_memory) {
      check_outputs();
      store_.find_room(e, key_);
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
  }
  void check_outputs() const {
    if (key_.writes_to_static())
      throw error(error_category::argument,
                  "fuse::graphed: a tensor of fuse::out lies in a static input (static_input is for what no call "
                  "writes to: pass that as it is)");
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
    entry* e = store_.find(key_);
    return e ? e : capture(a...);
  }
  template <class... A>
  entry* capture(const A&... a) {
    check_outputs();
    auto e = capturer_.capture(a...);
    ++counts_.captures;
    return &store_.keep(std::move(e));
  }

  template <class... A>
  auto results_of(const entry& e, const values& now) const {
    if constexpr (!std::is_void_v<returned<A...>>) {
      using type = typename held<A...>::type;
      return runtime::map_results(*static_cast<const type*>(e.results.get()), [&](const auto& r) {
        return runtime::placed(e, r.view(), now, [&](auto view) { return replayed(view, e.memory); });
      });
    }
  }

  // ---- without a graph ----

  template <class... A>
  auto run_directly(const A&... a) {
    read_key(a...);
    const runtime::mode_guard guard(executor_, options_.how == mode::eager ? mode::eager : executor_.current_mode());
    if constexpr (std::is_void_v<returned<A...>>)
      capturer_.run_at(key_.values(), a...);
    else
      return held<A...>::of(capturer_.run_at(key_.values(), a...));
  }
  // ---- within another capture ----

  /// Captured once for a shape, and then part of every graph that calls it.
  template <class... A>
  auto call_within(const A&... a) {
    entry* found = store_.find_part(key_);
    if (found && found->work && found->work->is_refused()) {
      store_.drop(*found);
      found = nullptr;
    }
    const bool is_new = !found;
    if (is_new) {
      found = &store_.keep_part(capturer_.capture_part(a...));
      ++counts_.captures;
    }
    entry& e = *found;
    store_.note_use(e);
    e.check_static(key_);
    if (e.pinned) return run_directly(a...);
    if (!is_new) {  // whenever the outer function is captured, or checked itself
      e.work->bind_all(e.origins);
      capturer_.check_captures(e, e.origins, a...);
    }
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
        return runtime::placed(e, r.view(), now,
                               [&](auto view) { return replayed(view, std::shared_ptr<void>(memory)); });
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
          launch(e, x...);
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
              const auto found = std::apply([&](const auto&... y) { return capturer_.probe(y...).results; }, shorter);
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
  bool busy_ = false;
  runtime::call_key key_;
  graph_counts counts_;
  runtime::graph_store<Executor> store_{executor_, options_, counts_};
  capturer capturer_{executor_, f_, key_, store_, options_, counts_};
  runtime::padding<Executor> padding_{executor_, options_.padding, work_type::alignment};
  bool warm_ = false;
};

}  // namespace fuse

// SPDX-License-Identifier: Apache-2.0
// Makes the graphs of a graphed function: runs it into captures until it is known which words of its work are
// addresses.
#pragma once
#include <fuse/runtime/graph_store.hpp>

namespace fuse::runtime {

/// Works for the call whose key was read last, which its arguments a… must be of.
template <class Executor, class F>
class capturer {
 public:
  using work_type = captured<Executor>;
  using entry = graph_entry<Executor>;
  using values = std::vector<std::uint64_t>;

  template <class A>
  using rebuilt = decltype(rebuild(std::declval<const A&>(), std::declval<call_key::placement&>()));
  template <class... A>
  using returned = decltype(std::declval<F&>()(std::declval<Executor&>(), std::declval<rebuilt<A>&>()...));
  template <class... A>
  using held = runtime::held<returned<A...>>;

  capturer(Executor& executor, F& f, const call_key& key, graph_store<Executor>& store, const graph_options& options,
           graph_counts& counts)
      : executor_(executor), f_(f), key_(key), store_(store), options_(options), counts_(counts) {}

  /// f with its arguments at these places.
  template <class... A>
  auto run_at(const values& origins, const A&... a) {
    call_key::placement next(key_, origins);
    // Braces: from left to right.
    std::tuple<decltype(rebuild(a, next))...> arguments{rebuild(a, next)...};
    return std::apply([&](auto&... x) { return f_(executor_, x...); }, arguments);
  }
  /// A graph for such calls, at any addresses if that is possible.
  template <class... A>
  std::unique_ptr<entry> capture(const A&... a) {
    return with_what_driver_takes([&] {
      auto e = begin();
      if (store_.has_pinned(key_) || !capture_rebindable(*e, a...)) capture_pinned(*e, a...);
      e->has_foreign = !e->pinned && e->work->has_foreign();
      return e;
    });
  }
  /// A graph that is to be part of others. Two captures at different addresses, neither of which is memory, prove that
  /// every address is known; where one is not, there is none, and the entry is pinned.
  template <class... A>
  std::unique_ptr<entry> capture_part(const A&... a) {
    return with_what_driver_takes([&] {
      auto e = begin();
      e->pinned = true;
      if (!capture_at_shadows(*e, a...)) return e;
      values elsewhere = e->origins;
      for (std::size_t r = 0; r < elsewhere.size(); ++r) elsewhere[r] += (static_cast<std::uint64_t>(r) + 1) << 20;
      e->pinned = !serves(*e, elsewhere, a...);
      return e;
    });
  }
  /// Throws unless the function still issues what was captured, which is bound to `at`: what it has from outside, and
  /// not as an argument, is frozen in the graph. A function without captures has nothing that could change.
  template <class... A>
  void check_captures(const entry& e, const values& at, const A&... a) {
    if (std::is_empty_v<F> || !options_.check_captures || e.pinned) return;
    work_type again(executor_, at[0]);
    const char* name = "a tensor for which the graph has no room";
    try {
      collect(again, at, a...);
      name = e.work->difference(again);
    } catch (...) {  // a call may have been given memory that is not there
      if (again.layout().peak() <= e.arena_bytes) throw;
    }
    if (name)
      throw error(error_category::capture,
                  text("fuse::graphed: the function issues other work than was captured, first at '")
                      << name
                      << "': a value or a tensor that it captures has changed, and the graph has it as it was (pass it "
                         "as an argument, or call clear() when it changes)");
  }
  /// What a call returns, and the bytes of memory its graph needs, found without making it.
  struct probed {
    std::shared_ptr<void> results;
    index bytes;
  };
  template <class... A>
  probed probe(const A&... a) {
    return with_what_driver_takes([&]() -> probed {
      const values origins = shadow_origins(key_);
      work_type work(executor_, origins[0]);
      auto results = collect(work, origins, a...);
      return {std::move(results), work.layout().peak()};
    });
  }
  /// op(), and again for as long as the driver refuses to start kernels early in what it makes: each time without
  /// another place of those.
  template <class Op>
  decltype(auto) with_what_driver_takes(Op&& op) {
    if constexpr (requires(Executor & x) { x.early_starts(); }) {
      unsigned given_up = 0;
      for (;;) {
        try {
          return op();
        } catch (...) {
          if (executor_.early_starts().give_up(given_up)) continue;
          executor_.early_starts().take_back(given_up);  // that was not it
          throw;
        }
      }
    } else {
      return op();
    }
  }

 private:
  std::unique_ptr<entry> begin() const {
    auto e = std::make_unique<entry>();
    e->words = key_.words();
    e->stays = key_.stays();
    return e;
  }
  /// Captures at shadow addresses, and again at real ones: that both agree proves that every address is known. Returns
  /// false where a graph for these addresses alone has to do.
  template <class... A>
  bool capture_rebindable(entry& e, const A&... a) {
    if (!capture_at_shadows(e, a...)) return false;
    store_.give_memory(e, key_, e.arena_bytes);
    e.values = key_.values();
    e.values[0] = e.memory->address();
    if (!serves(e, e.values, a...)) return false;
    e.work->prepare(e.values);
    e.bound = true;
    return true;
  }
  /// May what failed succeed at real addresses? Not where it has to be tried with fewer early starts first.
  bool may_pin() const {
    if constexpr (requires(Executor & x) { x.early_starts(); })
      return work_type::may_pin && !executor_.early_starts().has_suspects();
    else
      return work_type::may_pin;
  }
  template <class... A>
  bool capture_at_shadows(entry& e, const A&... a) {
    e.origins = shadow_origins(key_);
    try {
      e.work = std::make_unique<work_type>(executor_, e.origins[0]);
      e.results = collect(*e.work, e.origins, a...);
    } catch (const error& problem) {
      e.work.reset();
      if (!may_pin() || problem.category() != error_category::capture) throw;
      return false;
    } catch (...) {  // of the function: a call that was given an address may have failed, and will not with a real one
      e.work.reset();
      if (!may_pin()) throw;
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
    if (same && !e.work->difference(again)) return true;
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
      store_.give_memory(e, key_, needed);
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
    clean_stack();
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

  Executor& executor_;
  F& f_;
  const call_key& key_;
  graph_store<Executor>& store_;
  const graph_options& options_;
  graph_counts& counts_;
};

}  // namespace fuse::runtime

// SPDX-License-Identifier: Apache-2.0
// Runs compiled functions on the host: every kernel body with a block of one thread, rows or tiles shared among
// threads (exec/host_threads.hpp). Calls are finished when they return.
#pragma once
#include <cstring>
#include <fuse/exec/host_threads.hpp>
#include <fuse/exec/mode.hpp>
#include <fuse/exec/profile_range.hpp>
#include <fuse/exec/recorder.hpp>
#include <fuse/exec/session.hpp>
#include <fuse/kernel/attention.hpp>
#include <fuse/kernel/map.hpp>
#include <fuse/kernel/panel.hpp>
#include <fuse/kernel/row_parts.hpp>
#include <fuse/kernel/row_pipeline.hpp>
#if defined(__unix__)
#include <unistd.h>
#endif

namespace fuse {

/// A kernel or a copy as a recorded call keeps it: a function and the bytes of its arguments.
struct host_task {
  const char* name;  // of the compiled function
  void (*run)(void* executor, const void* arguments);
  const void* arguments;
  std::size_t bytes;
};
class host_recorder : public recorder {
 public:
  virtual void add(const host_task& task) = 0;

 protected:
  ~host_recorder() = default;
};

/// One executor serves one thread at a time.
template <modes Built = modes::fused>
class host_executor {
 public:
  static constexpr modes built_with = Built;

  host_executor() : mode_(mode_from_environment<Built>()) {}
  explicit host_executor(mode m) : mode_(m) {
    static_assert(Built == modes::any, "fuse::host_executor: choosing a mode needs host_executor<modes::any>");
    if (mode_from_environment<Built>() == mode::eager) mode_ = mode::eager;
  }

  mode current_mode() const { return mode_; }
  /// Returns the mode before.
  mode exchange_mode(mode m) {
    if (m == mode::eager && Built != modes::any)
      throw error(error_category::mode, "fuse::host_executor: eager mode needs host_executor<modes::any>");
    return std::exchange(mode_, m);
  }
  /// Kernels run since the executor was made.
  std::int64_t launches() const { return launches_; }

  buffer allocate(std::size_t bytes) { return recorder_ ? recorder_->allocate(bytes) : allocate_host(bytes); }
  template <class T, class E>
  tensor<T, E> empty(const std::array<index, E::rank>& extents) {
    return tensor<T, E>(extents, allocate(views::bytes<T, E>(extents)));
  }
  void synchronize() {}
  /// One element.
  template <class T>
  T fetch(const T* p) {
    if (recorder_ && recorder_->captures())
      throw error(error_category::capture,
                  "fuse::host_executor: fetch cannot be part of a captured call (put the code that needs it into "
                  "fuse::uncaptured, or outside the graphed function)");
    return *p;
  }

  /// Null: calls run. Else they are handed to it.
  host_recorder* recording() const { return recorder_; }
  void record(host_recorder* r) { recorder_ = r; }

  // ---- what a session asks of an executor ----
  template <class Source>
  void run(const char* name, const argument* arguments, const argument* outputs) {
    const profile_range range(name);
    session::run<Source>(*this, name, arguments, outputs);
  }
  template <class Which>
  void check_pointer(const Which&, const void*) {}
  template <class Which>
  void check_memory(const Which&, const void*) {}
  void copy(const char* name, char* to, const char* from, std::size_t bytes) {
    struct copied {
      char* to;
      const char* from;
      std::size_t bytes;
    } const c{to, from, bytes};
    auto run = [](void*, const void* p) {
      const copied& x = *static_cast<const copied*>(p);
      std::memcpy(x.to, x.from, x.bytes);
    };
    run_or_record(name, run, c);
  }
  void clear(char* to, std::size_t bytes) {
    struct cleared {
      char* to;
      std::size_t bytes;
    } const c{to, bytes};
    auto run = [](void*, const void* p) {
      const cleared& x = *static_cast<const cleared*>(p);
      std::memset(x.to, 0, x.bytes);
    };
    run_or_record("clear", run, c);
  }
  char* workspace(std::size_t bytes) { return workspace(workspace_kind::temporaries, bytes); }
  char* workspace(workspace_kind kind, std::size_t bytes) {
    return recorder_ ? recorder_->workspace(kind, bytes) : grow(kind, bytes);
  }

  template <class... P>
  void launch(const char* name, const parts<P...>& all) {
    auto run = [](void* executor, const void* p) {
      static_cast<host_executor*>(executor)->launch_now(*static_cast<const parts<P...>*>(p));
    };
    run_or_record(name, run, all);
  }
  /// Finds the memory that a launch of the kernel takes beside its arguments: launch() then does not fail for want of
  /// it.
  template <class P>
  void reserve(P, const typename P::arguments& a) {
    if (recorder_) return;  // it owns the memory of what it records
    struct only_reserving {
      bool& flag;
      explicit only_reserving(bool& f) : flag(f) { flag = true; }
      ~only_reserving() { flag = false; }
    } const here(reserving_);
    run_kernel<P>(single_block{0}, a);
  }

 private:
  template <class Arguments>
  void run_or_record(const char* name, void (*run)(void*, const void*), const Arguments& a) {
    if (recorder_)
      recorder_->add({name, run, &a, sizeof a});
    else
      run(this, &a);
  }
  template <class... P>
  void launch_now(const parts<P...>& all) {
    ++launches_;
    for_each_part(all, [&]<class Q>(const part<Q>& x) {
      if (x.any)
        run_kernel<Q>(single_block{past_cache<Q>(x.arguments, static_cast<unsigned>(x.read_later))}, x.arguments);
    });
  }
  template <class P>
  void run_kernel(const single_block& block, const typename P::arguments& a) {
    if constexpr (P::kind == family::map) {
      in_parallel(map_packs<P>(a, host_lanes), host_lanes, 0,
                  [&](index begin, index end, char*) { run_map<P, host_lanes>(block, a, begin, end, 1); });
    } else if constexpr (P::kind == family::row) {
      const index n = length<P, P::outer>(a), capacity = (n + host_lanes - 1) / host_lanes * host_lanes;
      if (row_count<P>(a) < host_threads::count() && rows::part_count<host_lanes>(n) > 1)
        return run_in_parts<P>(block, a, capacity);
      in_parallel(row_count<P>(a), n, rows::pipeline_bytes<P>(capacity), [&](index begin, index end, char* scratch) {
        run_rows<P, host_lanes>(block, a, begin, end, scratch, capacity);
      });
    } else if constexpr (P::kind == family::tile) {
      if (panels::pay<P>(a)) {
        const panels::division<P> d(a);
        return in_shares(d.count(), d.depth * panels::tile_columns, d.bytes,
                         [&](index begin, index end, char* scratch, bool first) {
                           run_panels<P>(block, a, begin, end, scratch, first);
                         });
      }
      in_shares(tiles::count<P>(a), length<P, P::contraction>(a) * tiles::tile_columns,
                tiles::scratch_bytes<P, host_values>, [&](index begin, index end, char* scratch, bool) {
                  for (index t = begin; t < end; ++t) run_tile<P, host_lanes, host_lanes>(block, a, t, scratch);
                });
    } else {
      const index n = length<P, P::outer>(a), columns = length<P, P::column>(a);
      const index capacity = (n + host_lanes - 1) / host_lanes * host_lanes;
      in_parallel(row_count<P>(a), n * columns,
                  attentions::scratch_bytes<P, host_values>(capacity, columns, 1, host_lanes),
                  [&](index begin, index end, char* scratch) {
                    for (index row = begin; row < end; ++row)
                      run_attention<P, host_lanes, host_lanes, host_lanes>(block, a, row, scratch, capacity);
                  });
    }
  }
  /// Fewer rows than threads, and long ones: all threads work on each.
  template <class P>
  void run_in_parts(const single_block& block, const typename P::arguments& a, index capacity) {
    const index bytes = rows::bytes_in_parts<P, host_lanes>(capacity);
    char* scratch = grow(workspace_kind::scratch, static_cast<std::size_t>(bytes));
    if (reserving_) return;
    for (index row = 0; row < row_count<P>(a); ++row)
      run_row_in_parts<P, host_lanes>(block, a, row, scratch, capacity, [&](index count, const auto& f) {
        in_parallel(count, rows::part_packs * host_lanes, 0, [&](index begin, index end, char*) { f(begin, end); });
      });
  }
  char* grow(workspace_kind kind, std::size_t bytes) {
    auto& [memory, have] = workspace_[static_cast<int>(kind)];
    if (bytes > have) {
      memory = buffer{};
      have = 0;  // should the allocation throw
      memory = allocate_host(bytes);
      have = bytes;
    }
    return static_cast<char*>(memory.data());
  }
  /// Which stores of a kernel go past the caches, a bit each: whole and aligned packs, more bytes than the caches near
  /// the cores hold, or than any cache holds where a later kernel reads them.
  template <class P>
  static unsigned past_cache(const typename P::arguments& a, unsigned read_later) {
    unsigned bits = 0;
    if constexpr (P::kind == family::map || P::kind == family::row) {
      for (int s = 0; s < P::stores; ++s) {
        const access_code& to = P::access[P::store[s].access];
        if (P::store[s].index >= 0 || to.inner != stepping::unit) continue;
        const index bytes = size_of(to.type), enough = read_later >> s & 1u ? last_level_cache() : index(8) << 20;
        bool aligned = reinterpret_cast<std::uintptr_t>(a.base[P::store[s].access]) % 64 == 0;
        for (int j = 0; j < P::outer; ++j) aligned = aligned && a.step[P::store[s].access][j] * bytes % 64 == 0;
        if (aligned && row_count<P>(a) * length<P, P::outer>(a) * bytes >= enough) bits |= 1u << s;
      }
    }
    return bits;
  }
  static index last_level_cache() {
#if defined(_SC_LEVEL3_CACHE_SIZE)
    static const index bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (bytes > 0) return bytes;
#endif
    return index(32) << 20;
  }
  /// f(begin, end, scratch) over [0, count), in shares that are worth a second thread, each thread with its own scratch
  /// memory. Each of the count is about so many elements' work.
  template <class F>
  void in_parallel(index count, index elements, index scratch_bytes, const F& f) {
    in_shares(count, elements, scratch_bytes, [&](index begin, index end, char* scratch, bool) {
      f(begin, end, scratch);
      packs::fence();
    });
  }
  /// f(begin, end, scratch, first): first in this thread and job.
  template <class F>
  void in_shares(index count, index elements, index scratch_bytes, const F& f) {
    constexpr index elements_of_share = 32768, shares_of_thread = 8, elements_of_nanosecond = 32;
    const index all = count * (elements > 0 ? elements : 1),
                fitting = (all + elements_of_share - 1) / elements_of_share;
    const index wanted = fitting < count ? fitting : count, most = host_threads::count();
    const index threads = wanted < most ? wanted : most;
    const index finest = threads > 1 ? threads * shares_of_thread : 1, shares = wanted < finest ? wanted : finest;
    const std::size_t stride = (static_cast<std::size_t>(scratch_bytes) + 4095) / 4096 * 4096;
    char* scratch = stride > 0 ? grow(workspace_kind::scratch, stride * static_cast<std::size_t>(threads)) : nullptr;
    if (reserving_) return;
    host_threads::run(static_cast<int>(shares), static_cast<int>(threads), all / elements_of_nanosecond,
                      [&](host_threads::member& mine) {
                        char* own = scratch + static_cast<std::size_t>(mine.place()) * stride;
                        bool first = true;
                        for (int s; mine.take(s); first = false)
                          f(count * s / shares, count * (s + 1) / shares, own, first);
                      });
  }

  mode mode_;
  host_recorder* recorder_ = nullptr;
  std::int64_t launches_ = 0;
  bool reserving_ = false;  // kernels find their memory and do not run
  struct {
    buffer memory;
    std::size_t bytes = 0;
  } workspace_[2];
};

}  // namespace fuse

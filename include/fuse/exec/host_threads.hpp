// SPDX-License-Identifier: Apache-2.0
// A pool of threads that help a thread with shares of work. The thread that has them, the job's leader, takes shares
// itself, one after the other, and waits at the end only for shares that another thread is at: never for a thread that
// did not come, as it was asleep or something else had its processor. So a busy machine takes the helpers away, and
// nothing more.
#pragma once
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <cstdint>
#include <fuse/exec/host_patience.hpp>
#include <fuse/exec/host_processors.hpp>
#include <utility>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

namespace fuse::host_threads {

class pool;

/// One thread's part in a job: whoever gets it takes shares until there is none left.
class member {
 public:
  /// Of this thread among those of the job: [0, threads). For memory that each thread has of its own.
  int place() const { return place_; }
  /// Gives the next share that nobody has taken; false when there is none left. The share taken before is done then.
  bool take(int& share);

 private:
  friend class pool;
  int place_, all_;     // shares of the job
  pool* of_ = nullptr;  // null: alone
  std::uint32_t job_ = 0;
  int taken_ = 0, first_ = -1;  // the share that it comes with
  member(int place, int all) : place_(place), all_(all) {}
};

/// One job at a time. All of its state is one word, {job: 32, places left: 10, shares left: 22 bits}: whoever changes
/// the word from a value that it read has a place or a share of the very job it read of, and until that share is done
/// the job, and what stands beside the word, stay as they are.
class pool {
 public:
  static constexpr int most_shares = (1 << 22) - 1;

  using work = void (*)(const void* body, member& mine) noexcept;

  int threads() {
    int n = __atomic_load_n(&threads_, __ATOMIC_RELAXED);
    if (n == 0) __atomic_store_n(&threads_, n = threads_allowed(), __ATOMIC_RELAXED);
    return n;
  }

  void run(int shares, int threads, work f, const void* body, patience::time expected) {
    if (shares > 1 && threads > 1 && shares <= most_shares && enter()) {
      lead(shares, fewer(threads, most_threads), f, body, expected);
      __atomic_store_n(&busy_, 0, __ATOMIC_RELEASE);
    } else {
      member alone(0, shares);
      f(body, alone);
    }
  }

  /// For good. Threads finish the shares that they are at; a leader finishes its job alone, and so do later ones.
  void stop() {
    if (__atomic_exchange_n(&stage_, closed, __ATOMIC_SEQ_CST) != started) return;
    __atomic_fetch_add(&called_, static_cast<unsigned>(workers_), __ATOMIC_RELEASE);
    futex(&called_, wake_private, static_cast<unsigned>(workers_));
    for (int i = 0; i < workers_; ++i) pthread_join(handles_[i], nullptr);
  }

 private:
  friend class member;
  enum : int { none, starting, started, closed };  // stages

  static std::uint64_t word_of(std::uint32_t job, int places, int shares) {
    return std::uint64_t(job) << 32 | std::uint64_t(places) << 22 | std::uint64_t(shares);
  }
  static std::uint32_t job_of(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }
  static int places_of(std::uint64_t word) { return static_cast<int>(word >> 22 & 1023); }
  static int shares_of(std::uint64_t word) { return static_cast<int>(word & 0x3fffff); }

  /// False where another thread has the pool, this one included, or where there is none.
  bool enter() {
    if (threads() < 2 || __atomic_load_n(&busy_, __ATOMIC_RELAXED) != 0) return false;
    if (__atomic_exchange_n(&busy_, 1, __ATOMIC_ACQUIRE) != 0) return false;
    if (__atomic_load_n(&stage_, __ATOMIC_RELAXED) == none) start();
    if (__atomic_load_n(&stage_, __ATOMIC_RELAXED) == started && workers_ > 0) return true;
    __atomic_store_n(&busy_, 0, __ATOMIC_RELEASE);
    return false;
  }

  void lead(int shares, int threads, work f, const void* body, patience::time expected) {
    if (++job_ == 0) ++job_;
    work_ = f, body_ = body, all_shares_ = shares, all_threads_ = threads;
    const patience::time begin = now();
    patience_.begin(begin, expected);
    open_ = patience_.opens(begin);
    __atomic_store_n(&done_, 0u, __ATOMIC_RELAXED);
    __atomic_store_n(&processor_, processor(), __ATOMIC_RELAXED);
    __atomic_store_n(&word_, word_of(job_, open_ ? threads - 1 : 0, shares - 1), __ATOMIC_RELEASE);
    member mine(0, shares);
    mine.of_ = this, mine.job_ = job_, mine.first_ = 0, mine.taken_ = 1;
    attend();
    f(body, mine);
    if (mine.taken_ < shares) {
      patience_.helped();
      wait_for(static_cast<unsigned>(shares - mine.taken_), begin, mine.taken_);
    } else if (__atomic_load_n(&asleep_, __ATOMIC_RELAXED) > 0) {
      patience_.missed(now());
    }
  }
  /// Between the leader's shares.
  void attend() {
    const int asleep = __atomic_load_n(&asleep_, __ATOMIC_RELAXED);
    if (open_ && asleep == 0) return;
    const patience::time time = now();
    if (!open_ && patience_.opens(time)) {
      open_ = true;
      __atomic_fetch_add(&word_, word_of(0, all_threads_ - 1, 0), __ATOMIC_RELEASE);
    }
    if (!open_ || !patience_.calls(time)) return;
    const std::uint64_t word = __atomic_load_n(&word_, __ATOMIC_RELAXED);
    if (wake(fewer(places_of(word), shares_of(word)) - (workers_ - asleep))) patience_.called(now());
  }

  /// Waits until the other threads have done so many shares.
  void wait_for(unsigned shares, patience::time begin, int taken) {
    if (__atomic_load_n(&done_, __ATOMIC_ACQUIRE) == shares) return;
    const patience::time since = now();
    for (unsigned done; (done = __atomic_load_n(&done_, __ATOMIC_ACQUIRE)) != shares;) {
      if (pause_until(since + patience::price)) continue;
      if (__atomic_fetch_or(&done_, asleep_bit, __ATOMIC_ACQUIRE) != shares)
        futex(&done_, wait_private, done | asleep_bit);
      __atomic_fetch_and(&done_, ~asleep_bit, __ATOMIC_RELAXED);
    }
    patience_.waited(now(), since, (since - begin) / (taken > 0 ? taken : 1));
  }
  void finish_share() {
    // From here on the job may be over, and the next one begun: the worst that the call does is to wake nobody.
    if (__atomic_fetch_add(&done_, 1u, __ATOMIC_RELEASE) & asleep_bit) futex(&done_, wake_private, 1);
  }

  /// Has at most two more threads come: whoever comes wakes the next two, so that one thread does not pay for all.
  bool wake(int wanted) {
    int asleep = __atomic_load_n(&asleep_, __ATOMIC_RELAXED), some;
    do {
      some = asleep < wanted ? asleep : wanted;
      if (some > 2) some = 2;
      if (some <= 0) return false;
    } while (!__atomic_compare_exchange_n(&asleep_, &asleep, asleep - some, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    __atomic_fetch_add(&called_, static_cast<unsigned>(some), __ATOMIC_RELAXED);
    futex(&called_, wake_private, static_cast<unsigned>(some));
    return true;
  }

  // ---- helpers ----

  /// Looks for shares, for some time after the last one and after each call, and sleeps. A helper that was woken on the
  /// leader's own processor, as no other was idle, has interrupted it: it goes to another.
  void help() {
    bool slept = false;
    for (patience::time end = now() + patience::price; !is_closed();) {
      std::uint64_t word = __atomic_load_n(&word_, __ATOMIC_RELAXED);
      const int places = places_of(word), shares = shares_of(word);
      const int leaders = __atomic_load_n(&processor_, __ATOMIC_RELAXED);
      const bool in_the_way = leaders == processor();
      if (in_the_way && run_elsewhere(leaders)) {
        // looks from there
      } else if (places > 0 && shares > 0 && !in_the_way) {
        __builtin_prefetch(&work_);
        if (!__atomic_compare_exchange_n(&word_, &word, word_of(job_of(word), places - 1, shares - 1), false,
                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
          continue;
        if (slept) wake(fewer(places - 1, shares - 1));
        member mine(all_threads_ - places, all_shares_);
        mine.of_ = this, mine.job_ = job_of(word), mine.first_ = all_shares_ - shares;
        work_(body_, mine);
        slept = false;
      } else if (!in_the_way && pause_until(end)) {
        continue;
      } else {
        sleep();
        slept = true;
      }
      end = now() + patience::price;
    }
  }
  bool is_closed() const { return __atomic_load_n(&stage_, __ATOMIC_ACQUIRE) == closed; }
  /// Until called. Who takes this thread off the count of those asleep owes it a call.
  void sleep() {
    __atomic_fetch_add(&asleep_, 1, __ATOMIC_RELAXED);
    for (unsigned called = __atomic_load_n(&called_, __ATOMIC_RELAXED);;) {
      if (called == 0) {
        futex(&called_, wait_private, 0);
        called = __atomic_load_n(&called_, __ATOMIC_RELAXED);
      } else if (__atomic_compare_exchange_n(&called_, &called, called - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        return;
      }
    }
  }

  // ---- beginning and end ----

  void start() {
    int expected = none;
    if (!__atomic_compare_exchange_n(&stage_, &expected, starting, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) return;
    if (!knows_forks_) knows_forks_ = pthread_atfork(nullptr, nullptr, forked) == 0;
    sigset_t blocked, before;  // signals are the program's: its own threads handle them, but for faults of a share
    sigfillset(&blocked);
    for (const int fault : faults) sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    while (workers_ < threads() - 1 && pthread_create(&handles_[workers_], nullptr, begin, this) == 0) ++workers_;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    expected = starting;
    __atomic_compare_exchange_n(&stage_, &expected, started, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
  }
  static void* begin(void* p) {
    run_elsewhere(-1);  // whatever the thread is pinned to that started this one
    static_cast<pool*>(p)->help();
    return nullptr;
  }
  /// The child of a fork has none of the threads: it starts its own when it needs them.
  static void forked();

  // ---- the machine ----

  static int fewer(int a, int b) { return a < b ? a : b; }
  static patience::time now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return patience::time(t.tv_sec) * 1000000000 + t.tv_nsec;
  }
  static int processor() {
#if defined(__linux__)
    return sched_getcpu();
#else
    return 0;
#endif
  }
  static bool pause_until(patience::time end) {
    for (int i = 0; i < 2; ++i) {
#if defined(__x86_64__)
      asm volatile("pause" ::: "memory");
#elif defined(__aarch64__)
      asm volatile("isb" ::: "memory");
#endif
    }
    return now() < end;
  }
  static constexpr int wait_private = 128, wake_private = 129;  // as Linux numbers them
  static void futex([[maybe_unused]] unsigned* word, [[maybe_unused]] int what, [[maybe_unused]] unsigned value) {
#if defined(__linux__)
    syscall(SYS_futex, word, what, value, nullptr, nullptr, 0);
#endif
  }

  static constexpr unsigned asleep_bit = 1u << 31;
  static constexpr int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

  // What threads wait for stands apart from what its job is, a line each.
  alignas(64) std::uint64_t word_ = 0;
  int processor_ = -1;             // of the leader
  alignas(64) unsigned done_ = 0;  // shares of other threads, and whether the leader sleeps
  alignas(64) int asleep_ = 0;
  unsigned called_ = 0;              // of those asleep, and not awake yet
  alignas(64) work work_ = nullptr;  // what helpers read of a job
  const void* body_ = nullptr;
  int all_shares_ = 0, all_threads_ = 0;
  alignas(64) int busy_ = 0;  // whether a job is on: all that follows belongs to its leader
  int stage_ = none, threads_ = 0, workers_ = 0;
  bool open_ = false, knows_forks_ = false;  // open: helpers may come
  std::uint32_t job_ = 0;
  patience patience_;
  pthread_t handles_[most_threads] = {};
};

inline pool shared_pool;  // never destroyed: destructors of other objects may run kernels

inline void pool::forked() {
  pool& p = shared_pool;
  p.busy_ = 0, p.word_ = 0, p.done_ = 0, p.asleep_ = 0, p.called_ = 0, p.workers_ = 0;
  if (p.stage_ != closed) p.stage_ = none;
}

/// Ends the threads with the program, or with the library that they are of.
struct pool_end {
  ~pool_end() { shared_pool.stop(); }
};
inline const pool_end end_of_pool;

inline bool member::take(int& share) {
  if (!of_) return taken_ < all_ ? share = taken_++, true : false;
  if (first_ >= 0) {
    share = std::exchange(first_, -1);
    return true;
  }
  if (place_ > 0)
    of_->finish_share();
  else
    of_->attend();
  std::uint64_t word = __atomic_load_n(&of_->word_, __ATOMIC_RELAXED);
  do {
    const int left = pool::shares_of(word);
    if (pool::job_of(word) != job_ || left == 0) return false;
    share = all_ - left;
  } while (!__atomic_compare_exchange_n(&of_->word_, &word, word - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  ++taken_;
  return true;
}

/// Threads that share work at most, the caller's included. Asks the environment and the machine once.
inline int count() { return shared_pool.threads(); }

/// body(member&) in this thread, and in at most `threads` - 1 others that have time: each takes its shares of the
/// `shares` there are, in any order. Returns when all shares are done. Where they take fewer nanoseconds than it costs
/// to wake a thread, only those are asked that are awake. The body throws nothing. May be called at any time: where the
/// pool has a job already, this thread takes all shares.
template <class Body>
void run(int shares, int threads, patience::time nanoseconds, const Body& body) {
  shared_pool.run(
      shares, threads, [](const void* b, member& mine) noexcept { (*static_cast<const Body*>(b))(mine); }, &body,
      nanoseconds);
}
/// body(share) for each of the shares, which are worth waking a thread.
template <class Body>
void run(int shares, const Body& body) {
  run(shares, count(), patience::price, [&](member& mine) {
    for (int share; mine.take(share);) body(share);
  });
}

}  // namespace fuse::host_threads

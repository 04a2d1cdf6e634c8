// SPDX-License-Identifier: Apache-2.0
// The pool of threads behind the host executor. Runs under ThreadSanitizer too: ctest -R block/threads.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fuse/exec/host_threads.hpp>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace threads = fuse::host_threads;

namespace {
std::atomic<bool> gate_is_shut = false;
}
/// What a helper calls before anything else, here instead of libc's: while the gate is shut, no helper comes.
extern "C" int sched_setaffinity(pid_t thread, size_t bytes, const cpu_set_t* set) noexcept {
  while (gate_is_shut) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return static_cast<int>(syscall(SYS_sched_setaffinity, thread, bytes, set));
}

namespace {

/// A pool of its own with so many threads, whatever machine this is.
class small_pool {
 public:
  explicit small_pool(int threads) : pool_(std::make_unique<threads::pool>()) {
    setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), 1);
    pool_->threads();  // asked once
    unsetenv("OMP_NUM_THREADS");
  }
  ~small_pool() { pool_->stop(); }
  threads::pool& operator*() const { return *pool_; }
  template <class Body>
  void run(int shares, int threads, const Body& body) const {
    pool_->run(
        shares, threads, [](const void* b, threads::member& mine) noexcept { (*static_cast<const Body*>(b))(mine); },
        &body, threads::patience::price);
  }

 private:
  std::unique_ptr<threads::pool> pool_;
};

void work_for(std::chrono::microseconds time) {
  for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;) {
  }
}

struct counts {
  int wrong_shares = 0, wrong_places = 0, of_helpers = 0;
};
/// Counts who takes which share of a job.
counts shares_of_job(const small_pool& pool, int shares, int most, std::chrono::microseconds time) {
  std::vector<int> taken(static_cast<std::size_t>(shares)), place(taken);
  std::vector<std::atomic<int>> there(static_cast<std::size_t>(most));
  std::atomic<int> wrong_places = 0;
  pool.run(shares, most, [&](threads::member& mine) {
    if (mine.place() < 0 || mine.place() >= most || ++there[std::size_t(mine.place())] != 1) ++wrong_places;
    for (int s; mine.take(s);) {
      ++taken[std::size_t(s)];
      place[std::size_t(s)] = mine.place();
      work_for(time);
    }
  });
  counts c;
  c.wrong_places = wrong_places;
  for (const int n : taken) c.wrong_shares += n != 1;
  for (const int p : place) c.of_helpers += p != 0;
  return c;
}

}  // namespace

TEST_CASE("every share is taken once, and every place by one thread") {
  const small_pool pool(4);
  for (const int most : {2, 3, 4, 9})
    for (int shares = 1; shares < 100; shares += 7)
      for (int round = 0; round < 20; ++round) {
        const counts c = shares_of_job(pool, shares, most, std::chrono::microseconds(round % 5));
        REQUIRE(c.wrong_shares == 0);
        REQUIRE(c.wrong_places == 0);
      }
}

TEST_CASE("who is late in one job takes nothing of the next one") {
  const small_pool pool(3);
  std::optional<threads::member> late;
  pool.run(3, 3, [&](threads::member& mine) {
    for (int s; mine.take(s);) {
    }
    if (mine.place() == 0) late = mine;
  });
  int taken_late = 0;
  std::atomic<int> taken = 0;
  pool.run(40, 3, [&](threads::member& mine) {
    int s;
    if (mine.place() == 0 && late->take(s)) ++taken_late;
    while (mine.take(s)) ++taken;
  });
  CHECK(taken_late == 0);
  CHECK(taken == 40);
}

TEST_CASE("nobody waits for a helper that does not come, and one that comes helps") {
  gate_is_shut = true;
  const small_pool pool(3);
  for (int round = 0; round < 10; ++round)
    CHECK(shares_of_job(pool, 50, 3, std::chrono::microseconds(10)).of_helpers == 0);
  gate_is_shut = false;
  if (threads::processors_of_process().count() == 1) return;  // which is the leader's
  int helped = 0;
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
       helped == 0 && std::chrono::steady_clock::now() < end;)
    helped = shares_of_job(pool, 50, 3, std::chrono::microseconds(200)).of_helpers;
  CHECK(helped > 0);
}

TEST_CASE("a job within a job, and jobs of several threads, each done once") {
  const small_pool pool(3);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        std::vector<int> inner(6);
        pool.run(6, 3, [&](threads::member& mine) {
          for (int s; mine.take(s);)
            pool.run(5, 3, [&](threads::member& nested) {
              if (nested.place() != 0) ++wrong;
              for (int i; nested.take(i);) ++inner[std::size_t(s)];
            });
        });
        for (const int n : inner) wrong += n != 5;
      }
    });
  for (std::thread& t : callers) t.join();
  CHECK(wrong == 0);
}

TEST_CASE("after its end a pool has its caller work alone") {
  const small_pool pool(3);
  shares_of_job(pool, 9, 3, std::chrono::microseconds(1));
  (*pool).stop();
  const counts c = shares_of_job(pool, 9, 3, std::chrono::microseconds(1));
  CHECK(c.wrong_shares == 0);
  CHECK(c.of_helpers == 0);
}

TEST_CASE("signals are left to the program's own threads") {
  static std::atomic<int> here, elsewhere;
  static const pthread_t caller = pthread_self();
  here = elsewhere = 0;
  struct sigaction counting {
  }, before{};
  counting.sa_handler = [](int) { ++(pthread_equal(pthread_self(), caller) ? here : elsewhere); };
  sigaction(SIGUSR1, &counting, &before);
  const small_pool pool(4);
  shares_of_job(pool, 20, 4, std::chrono::microseconds(5));
  sigset_t blocked, mask;
  sigemptyset(&blocked), sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &mask);
  kill(getpid(), SIGUSR1);  // to whichever thread takes it
  for (int round = 0; round < 20; ++round) shares_of_job(pool, 20, 4, std::chrono::microseconds(50));
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  sigaction(SIGUSR1, &before, nullptr);
  CHECK(elsewhere == 0);
  CHECK(here == 1);
}

TEST_CASE("a fault in a share of a helper reaches the program's handler") {
  const small_pool pool(4);
  std::atomic<int> helped = 0, blocked = 0;
  for (int round = 0; round < 5000 && helped == 0; ++round)
    pool.run(20, 4, [&](threads::member& mine) {
      for (int s; mine.take(s);) {
        sigset_t mask;
        pthread_sigmask(SIG_BLOCK, nullptr, &mask);
        helped += mine.place() > 0;
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) blocked += sigismember(&mask, fault);
        work_for(std::chrono::microseconds(50));
      }
    });
  CHECK(helped > 0);
  CHECK(blocked == 0);
}

#if defined(__has_feature)
#define FUSE_TEST_HAS(feature) __has_feature(feature)
#else
#define FUSE_TEST_HAS(feature) 0
#endif
#if !FUSE_TEST_HAS(thread_sanitizer) && !defined(__SANITIZE_THREAD__)  // which ends children that start threads
TEST_CASE("the child of a fork starts helpers of its own, and ends") {
  threads::run(8, [](int) {});  // the parent has its own, asleep or not
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(60);
    const pthread_t here = pthread_self();
    std::atomic<bool> helped = threads::count() == 1;
    std::atomic<int> done = 0, rounds = 0;
    for (; rounds < 100 || !helped; ++rounds)
      threads::run(64, [&](int) {
        ++done;
        work_for(std::chrono::microseconds(10));
        if (!pthread_equal(pthread_self(), here)) helped = true;
      });
    threads::shared_pool.stop();  // as the end of the program does
    _exit(done == 64 * rounds ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
}
#endif
#undef FUSE_TEST_HAS

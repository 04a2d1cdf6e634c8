// SPDX-License-Identifier: Apache-2.0
// How many threads the host executor takes, and when it calls them.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <fuse/exec/host_patience.hpp>
#include <fuse/exec/host_processors.hpp>
#include <string>

namespace threads = fuse::host_threads;

namespace {

/// A variable of the environment while it lives.
class variable {
 public:
  variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before, had_ = true;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~variable() { had_ ? setenv(name_, before_.c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::string before_;
  bool had_ = false;
};

}  // namespace

TEST_CASE("OMP_NUM_THREADS is a number or a list of them, and else it is nothing") {
  CHECK(threads::threads_named("1") == 1);
  CHECK(threads::threads_named("12") == 12);
  CHECK(threads::threads_named(" 3 ") == 3);
  CHECK(threads::threads_named("4,2") == 4);
  CHECK(threads::threads_named("4 , 2") == 4);
  CHECK(threads::threads_named("999999") == threads::most_threads);
  CHECK(threads::threads_named("99999999999999999999999") == threads::most_threads);
  for (const char* nothing : {"", " ", "0", "-2", "many", "2many", "2 many", ",4", "0x4"})
    CHECK_MESSAGE(threads::threads_named(nothing) == 0, nothing);
  CHECK(threads::threads_named(nullptr) == 0);
}

TEST_CASE("the environment decides, else the processors of the process") {
  {
    const variable v("OMP_NUM_THREADS", "7");
    CHECK(threads::threads_allowed() == 7);
  }
  const variable v("OMP_NUM_THREADS", "0");
  const threads::processor_set before = threads::processors_of_process();
  CHECK(threads::threads_allowed() >= 1);
  CHECK(threads::threads_allowed() <= before.count());
  threads::processor_set one;
  for (int w = 0; one.count() == 0; ++w) one.bits[w] = before.bits[w] & -before.bits[w];  // the lowest bit
  REQUIRE(sched_setaffinity(getpid(), sizeof one.bits, reinterpret_cast<const cpu_set_t*>(one.bits)) == 0);
  CHECK(threads::processors_of_process().count() == 1);
  CHECK(threads::threads_allowed() == 1);
  sched_setaffinity(getpid(), sizeof before.bits, reinterpret_cast<const cpu_set_t*>(before.bits));
  CHECK(threads::processors_of_process().count() == before.count());
}

TEST_CASE("a quota of processor time is so many processors, rounded up") {
  CHECK(threads::processors_paid_by("max 100000\n") == 0);
  CHECK(threads::processors_paid_by("") == 0);
  CHECK(threads::processors_paid_by("150000 100000\n") == 2);
  CHECK(threads::processors_paid_by("200000 100000\n") == 2);
  CHECK(threads::processors_paid_by("1000 100000\n") == 1);
  CHECK(threads::processors_paid_by("1000") == 0);
}

TEST_CASE("the group of a process and those around it have quotas: the least counts") {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / ("fuse_groups_" + std::to_string(getpid()));
  fs::create_directories(root / "a/b");
  const auto write = [&](const fs::path& name, const char* text) { std::ofstream(root / name) << text; };
  const auto paid = [&](const char* groups) {
    write("membership", groups);
    return threads::processors_paid_for(root.c_str(), (root / "membership").c_str());
  };
  CHECK(paid("0::/a/b\n") == 0);
  write("a/b/cpu.max", "max 100000\n");
  write("cpu.max", "800000 100000\n");
  CHECK(paid("0::/a/b\n") == 8);
  CHECK(paid("12:cpuset:/x\n0::/a/b\n") == 8);
  CHECK(paid("0::/\n") == 8);
  write("a/cpu.max", "300000 100000\n");
  CHECK(paid("0::/a/b\n") == 3);
  CHECK(paid("0::/a\n") == 3);
  CHECK(paid("0::/\n") == 8);
  write("a/b/cpu.max", "400000 100000\n");
  CHECK(paid("0::/a/b\n") == 3);
  CHECK(paid("12:cpuset:/x\n") == 0);
  CHECK(paid("") == 0);
  CHECK(threads::processors_paid_for(root.c_str(), (root / "nothing").c_str()) == 0);
  fs::remove_all(root);
}

// ---- when helpers are called: times in nanoseconds ----

constexpr auto price = threads::patience::price;

TEST_CASE("a long job wakes helpers at once, short ones when a wake's price has been missed") {
  threads::patience p;
  p.begin(0, price);
  CHECK(p.calls(0));
  threads::patience q;
  threads::patience::time now = 0;
  int jobs = 0;
  for (; q.begin(now, 100), !q.calls(now + 5000) && jobs < 100; ++jobs) q.missed(now += 5000);
  CHECK(jobs == price / 5000 - 1);
  SUBCASE("not if so much time passes between jobs that helpers would sleep again") {
    threads::patience r;
    for (now = 0, jobs = 0; r.begin(now, 100), !r.calls(now + 5000) && jobs < 100; ++jobs) {
      r.missed(now += 5000);
      now += 2 * price;
    }
    CHECK(jobs == 100);
  }
}
TEST_CASE("where nobody comes, helpers are called ever less, and again where someone did") {
  threads::patience p;
  const auto needed = [&] {
    threads::patience::time t = 0;
    p.begin(t, 0);
    while (!p.calls(t)) t += price;
    p.called(t);
    return t / price;
  };
  CHECK(needed() == 1);
  CHECK(needed() == 1);  // the first call came after help, as far as is known
  CHECK(needed() == 2);
  CHECK(needed() == 4);
  for (int i = 0; i < 20; ++i) needed();
  CHECK(needed() == 128);
  p.helped();
  CHECK(needed() == 128);
  CHECK(needed() == 1);
}
TEST_CASE("a helper that loses its processor in a share costs at most a fifth of the time") {
  threads::patience p;
  p.begin(0, 0);
  p.waited(3000000, 0, 1000);
  CHECK_FALSE(p.opens(3000000 + 4 * 3000000 - 1));
  CHECK(p.opens(3000000 + 4 * 3000000));
  threads::patience q;  // a share takes that long
  q.waited(3000000, 0, 2000000);
  CHECK(q.opens(3000001));
}

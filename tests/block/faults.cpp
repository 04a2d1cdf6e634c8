// SPDX-License-Identifier: Apache-2.0
// That the fiber model finds what it is there for: each fault is planted beside the code that is right.
#include <doctest/doctest.h>

#include <algorithm>
#include <fuse/op/reductions.hpp>
#include <vector>

#include "fibers.hpp"

namespace {

using add = fuse::ops::add_t;

/// fuse::all_reduce of a sum, as it is and without one of its barriers.
enum class planted { nothing, no_barrier_before_reading, no_barrier_at_the_end };
template <planted Fault>
int sum(const fibers::block& b, int v) {
  for (int mask = b.lanes() / 2; mask > 0; mask /= 2) v += b.exchange(v, mask);
  if (b.size() <= b.lanes()) return v;
  int* shared = reinterpret_cast<int*>(b.storage());
  if (b.rank() % b.lanes() == 0) shared[b.rank() / b.lanes()] = v;
  if (Fault != planted::no_barrier_before_reading) b.sync();
  v = 0;
  for (int w = 0; w < b.size() / b.lanes(); ++w) v += shared[w];
  if (Fault != planted::no_barrier_at_the_end) b.sync();
  return v;
}

/// Two sums one after the other, as a row kernel takes them; every thread's result.
template <planted Fault>
fibers::outcome two_sums(int size, int lanes, unsigned seed, std::vector<int>& results) {
  results.assign(std::size_t(size), 0);
  return fibers::run(size, lanes, seed, [&](const fibers::block& b) {
    const int first = sum<Fault>(b, b.rank() + 1);
    results[std::size_t(b.rank())] = first + sum<Fault>(b, 1);
  });
}
int expected(int size) { return size * (size + 1) / 2 + size; }

}  // namespace

TEST_CASE("all_reduce is right and free of races in blocks of every size") {
  for (int lanes : {1, 2, 4, 32})
    for (int size = lanes; size <= fibers::most_fibers; size += lanes) {
      CAPTURE(lanes);
      CAPTURE(size);
      std::vector<int> results(std::size_t(size), 0);
      const auto o = fibers::run(size, lanes, unsigned(size), [&](const fibers::block& b) {
        const int first = fuse::all_reduce<&fuse::op_entry<add>::info>(b, b.rank() + 1, 0);
        results[std::size_t(b.rank())] = first + fuse::all_reduce<&fuse::op_entry<add>::info>(b, 1, 0);
      });
      REQUIRE(o.clean());
      REQUIRE(std::count(results.begin(), results.end(), expected(size)) == size);
    }
}

TEST_CASE("a reduction without its last barrier races in every schedule, mostly with the right value") {
  int found = 0, right = 0;
  constexpr int schedules = 20;
  for (unsigned seed = 0; seed < schedules; ++seed) {
    std::vector<int> results;
    CHECK(two_sums<planted::nothing>(8, 2, seed, results).clean());
    CHECK(std::count(results.begin(), results.end(), expected(8)) == 8);
    const fibers::expecting_races silence;
    found += two_sums<planted::no_barrier_at_the_end>(8, 2, seed, results).races > 0;
    right += std::count(results.begin(), results.end(), expected(8)) == 8;
  }
  CHECK(found == schedules);
  MESSAGE("found in " << found << " of " << schedules << " schedules; the values were right in " << right);
}

TEST_CASE("a reduction that reads before its barrier races in every schedule") {
  for (unsigned seed = 0; seed < 5; ++seed) {
    const fibers::expecting_races silence;
    std::vector<int> results;
    CHECK(two_sums<planted::no_barrier_before_reading>(8, 2, seed, results).races > 0);
  }
}

TEST_CASE("an exchange makes no write visible") {
  auto through_memory = [](bool barrier) {
    int cell[2] = {};
    return fibers::run(2, 2, 1, [&](const fibers::block& b) {
      cell[b.rank()] = b.rank();
      b.exchange(0, 1);
      if (barrier) b.sync();
      const volatile int other = cell[1 - b.rank()];
      (void)other;
    });
  };
  CHECK(through_memory(true).clean());
  const fibers::expecting_races silence;
  CHECK(through_memory(false).races > 0);
}

TEST_CASE("a barrier that some threads do not reach is divergence, and the next block runs") {
  const auto left = fibers::run(4, 2, 1, [](const fibers::block& b) {
    if (b.rank() != 2) b.sync();
  });
  CHECK(left.races == 0);
  CHECK(left.divergence == "0 at the barrier, 1 at the barrier, 2 at the end, 3 at the barrier");
  const auto elsewhere = fibers::run(2, 2, 1, [](const fibers::block& b) {
    if (b.rank() == 0)
      b.sync();
    else
      b.exchange(1, 1);
  });
  CHECK(elsewhere.divergence == "0 at the barrier, 1 at the exchange with 1");
  const auto masks = fibers::run(2, 2, 1, [](const fibers::block& b) { b.exchange(1, 1 - b.rank()); });
  CHECK(masks.divergence == "0 at the exchange with 1, 1 at the exchange with 0");
  std::vector<int> results;
  CHECK(two_sums<planted::nothing>(8, 2, 1, results).clean());
  CHECK(results[3] == expected(8));
}

TEST_CASE("blocks that are no whole warps are refused") {
  CHECK_THROWS_WITH(fibers::run(6, 4, 0, [](const fibers::block&) {}),
                    "fibers: expected a multiple of 4 threads, at most 128, got 6");
  CHECK_THROWS_WITH(fibers::run(256, 4, 0, [](const fibers::block&) {}),
                    "fibers: expected a multiple of 4 threads, at most 128, got 256");
}

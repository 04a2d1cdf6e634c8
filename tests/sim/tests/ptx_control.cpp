// SPDX-License-Identifier: Apache-2.0
// Divergence, calls, printf, traps, progress, special registers.
#include "ptx_harness.hpp"

using namespace sim_test;
using sim::fault_kind;

TEST_CASE("loops of different length in every lane") {
  program p("control");
  std::vector<int> in(500);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = int(i) + 1;
  const auto out = p.allocate(2000);
  check_clean(p.run("collatz", {4}, {128}, p.upload(in), out, 500));
  const auto got = p.download<int>(out, 500);
  for (std::size_t i = 0; i < in.size(); ++i) {
    int steps = 0;
    for (unsigned x = unsigned(in[i]); x != 1; ++steps) x = x % 2 == 0 ? x / 2 : 3 * x + 1;
    REQUIRE(got[i] == steps);
  }
}

TEST_CASE("a switch takes each lane to its case") {
  program p("control");
  std::vector<int> in(64), values(64);
  for (std::size_t i = 0; i < 64; ++i) in[i] = int(i * 5 % 9), values[i] = int(i) * 3 + 1;
  const auto out = p.upload(values);
  check_clean(p.run("cases", {1}, {64}, p.upload(in), out));
  const auto got = p.download<int>(out, 64);
  for (std::size_t i = 0; i < 64; ++i) {
    const int v = values[i];
    const int want[] = {v + 3, v * 5, v - 7, v ^ 21, v << 2, v / 3, v % 5, -1, -1};
    CHECK(got[i] == want[in[i]]);
  }
}

TEST_CASE("calls with structures, some lanes only, and through pointers") {
  program p("control");
  const auto out = p.allocate(128);
  check_clean(p.run("calls", {1}, {32}, out));
  const auto got = p.download<int>(out, 32);
  for (int i = 0; i < 32; ++i) {
    int a[3] = {i, 2 * i, 3 * i};
    double b = 0.5;
    a[i % 3] += 10, b *= i % 3;
    if (i % 2 == 0) a[0] += i > 3 ? 2 * i : i;
    a[1] += 10;
    CHECK(got[std::size_t(i)] == a[0] * 10000 + a[1] * 100 + a[2] + int(b * 4));
  }
  for (const int split : {0, 11, 32}) {
    check_clean(p.run("pointers", {1}, {32}, out, split));
    const auto through = p.download<int>(out, 32);
    for (int i = 0; i < 32; ++i) CHECK(through[std::size_t(i)] == (i < split ? 2 * i : i + 100));
  }
}

TEST_CASE("recursion is refused with the function's name") {
  program p("control");
  CHECK_THROWS_WITH_AS(p.run("recursive", {1}, {32}, p.allocate(128)), doctest::Contains("recursive functions"),
                       sim::error);
}

TEST_CASE("printf, in the order of the blocks") {
  program p("control");
  const auto r = p.run("prints", {3}, {32}, 2);
  check_clean(r);
  std::string want;
  for (int block = 0; block < 3; ++block)
    for (int thread = 0; thread < 2; ++thread) {
      char line[100];
      std::snprintf(line, sizeof line, "%d of two: %5.2f x 123456789a%%\n", block, 1.5 * thread);
      want += line;
    }
  CHECK(r.printed == want);
}

TEST_CASE("assertions and traps end the launch") {
  program p("control");
  const auto out = p.allocate(128);
  check_clean(p.run("asserts", {1}, {32}, out, 99));
  const auto r = p.run("asserts", {1}, {32}, out, 3);
  CHECK(r.trapped);
  const auto f = expect_fault(r, fault_kind::assertion);
  CHECK(f.thread[0] == 3);
  CHECK(f.message.find("int(threadIdx.x) != bad") != std::string::npos);
  CHECK(f.message.find("asserts") != std::string::npos);
  check_clean(p.run("traps", {1}, {32}, out, 99));
  const auto t = p.run("traps", {1}, {32}, out, 0);
  CHECK(t.trapped);
  expect_fault(t, fault_kind::trap);
}

TEST_CASE("a lane that spins does not starve the one it waits for") {
  program p("control");
  const auto mutex = p.upload(std::vector<int>(1)), counter = p.upload(std::vector<int>(1));
  check_clean(p.run("lock", {4}, {64}, mutex, counter));
  CHECK(p.download<int>(counter, 1)[0] == 256);
  const auto flag = p.upload(std::vector<int>(1)), out = p.allocate(128);
  check_clean(p.run("lane_waits", {1}, {32}, flag, out));
  CHECK(p.download<int>(out, 32) == std::vector<int>(32, 7));
}

TEST_CASE("coordinates in three dimensions") {
  program p("control");
  const sim::dim grid{2, 3, 2}, block{5, 4, 3};
  const auto out = p.allocate(grid.size() * block.size() * 4);
  check_clean(p.run("coordinates", grid, block, out));
  const auto got = p.download<unsigned>(out, grid.size() * block.size());
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == i % block.size());
}

TEST_CASE("the clock moves, and is the same in every run") {
  program p("control");
  const auto out = p.allocate(256);
  check_clean(p.run("clocks", {1}, {32}, out));
  const auto first = p.download<long long>(out, 32);
  CHECK(first[0] > 0);
  check_clean(p.run("clocks", {1}, {32}, out));
  CHECK(p.download<long long>(out, 32) == first);
}

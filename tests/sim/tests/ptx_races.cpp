// SPDX-License-Identifier: Apache-2.0
// Races in shared memory, between blocks, and with cp.async. Each planted race beside its twin without.
#include "ptx_harness.hpp"

using namespace sim_test;
using sim::fault_kind;

TEST_CASE("a missing block barrier is a race") {
  program p("faults");
  const auto out = p.allocate(512);
  check_clean(p.run("neighbour", {1}, {128}, out, 1));
  const auto f = expect_fault(p.run("neighbour", {1}, {128}, out, 0), fault_kind::shared_race);
  CHECK(f.message.find("thread") != std::string::npos);
}

TEST_CASE("a missing warp barrier is a race, though lanes run in step") {
  program p("faults");
  const auto out = p.allocate(128);
  check_clean(p.run("neighbour_in_warp", {1}, {32}, out, 1));
  expect_fault(p.run("neighbour_in_warp", {1}, {32}, out, 0), fault_kind::shared_race);
}

TEST_CASE("a missing trailing barrier is a race: comparing values would not find it") {
  program p("faults");
  const auto out = p.allocate(3 * 128 * 4);
  check_clean(p.run("trailing", {1}, {128}, out, 1));
  expect_fault(p.run("trailing", {1}, {128}, out, 0), fault_kind::shared_race);
}

TEST_CASE("neighbouring bytes do not race, the same byte does") {
  program p("faults");
  const auto out = p.allocate(64);
  check_clean(p.run("bytes_apart", {1}, {64}, out, 0));
  expect_fault(p.run("bytes_apart", {1}, {64}, out, 1), fault_kind::shared_race);
}

TEST_CASE("atomics do not race with each other, but with plain stores") {
  program p("faults");
  const auto out = p.allocate(256);
  check_clean(p.run("shared_atomics", {1}, {64}, out));
  CHECK(p.download<int>(out, 1)[0] == 63 * 32);
  expect_fault(p.run("atomic_against_plain", {1}, {64}, out), fault_kind::shared_race);
}

TEST_CASE("named barriers order the warps that take part") {
  program p("faults");
  const auto out = p.allocate(4 * 128 * 4);
  check_clean(p.run("named_barrier", {1}, {128}, out, 0));
  CHECK(p.download<int>(out, 1)[0] == 32);
  expect_fault(p.run("named_barrier", {1}, {128}, out, 1), fault_kind::shared_race);
  check_clean(p.run("producer_consumer", {1}, {64}, out));
  for (int k = 0; k < 4; ++k) CHECK(p.download<int>(out, 128)[std::size_t(k) * 32 + 5] == k);
}

TEST_CASE("blocks that write the same word race") {
  program p("faults");
  const auto out = p.allocate(4 * 64 * 4);
  check_clean(p.run("same_word", {4}, {64}, out, 1));
  const auto f = expect_fault(p.run("same_word", {4}, {64}, out, 0), fault_kind::global_race);
  CHECK(f.message.find("block (") != std::string::npos);
  check_clean(p.run("same_word", {1}, {64}, out, 0));
}

TEST_CASE("a block that reads what another writes races") {
  program p("faults");
  const auto data = p.upload(std::vector<int>(256)), out = p.allocate(1024);
  check_clean(p.run("read_other", {4}, {64}, data, out, 0));
  expect_fault(p.run("read_other", {4}, {64}, data, out, 1), fault_kind::global_race);
}

TEST_CASE("global atomics do not race") {
  program p("faults");
  const auto counter = p.upload(std::vector<int>(1));
  check_clean(p.run("count_all", {37}, {96}, counter));
  CHECK(p.download<int>(counter, 1)[0] == 37 * 96);
}

TEST_CASE("the last block may read what all wrote, if they had a fence") {
  program p("faults");
  std::vector<int> values(20 * 32);
  int sum = 0;
  for (std::size_t k = 0; k < values.size(); ++k) sum += values[k] = int(k * 7 % 31);
  const auto in = p.upload(values), partial = p.allocate(80), counter = p.upload(std::vector<unsigned>(1)),
             out = p.allocate(4);
  check_clean(p.run("last_block", {20}, {32}, in, partial, counter, out, 1));
  CHECK(p.download<int>(out, 1)[0] == sum);
  p.device().fill(counter, 0, 4);
  expect_fault(p.run("last_block", {20}, {32}, in, partial, counter, out, 0), fault_kind::global_race);
}

TEST_CASE("blocks that wait for each other make progress in any order") {
  program p("faults");
  for (const int reversed : {0, 1}) {
    const auto value = p.allocate(100 * 4), flag = p.upload(std::vector<int>(100));
    check_clean(p.run("chain", {100}, {32}, value, flag, reversed));
    CHECK(p.download<int>(value, 100)[99] == 5050);
  }
}

TEST_CASE("a barrier of the whole grid") {
  program p("faults");
  const auto data = p.allocate(64 * 64 * 4), out = p.allocate(64 * 64 * 4),
             arrived = p.upload(std::vector<unsigned>(1));
  check_clean(p.run("grid_barrier", {64}, {64}, data, arrived, out));
  CHECK(p.download<int>(out, 64 * 64)[63 * 64] == 0);
  CHECK(p.download<int>(out, 64 * 64)[5 * 64 + 9] == 6);
}

TEST_CASE("atomics that get on are no spin") {
  program p("faults");
  std::vector<int> in(20000);
  std::vector<int> want(16);
  for (std::size_t i = 0; i < in.size(); ++i) ++want[std::size_t((in[i] = int(i * i % 37)) & 15)];
  const auto bins = p.upload(std::vector<int>(16)), last = p.allocate(40 * 64 * 4);
  check_clean(p.run("histogram", {40}, {64}, p.upload(in), bins, last, int(in.size())));
  CHECK(p.download<int>(bins, 16) == want);
}

TEST_CASE("a spin that nobody ends is a deadlock") {
  program p("faults");
  sim::launch how;
  how.block = {32};
  how.grid = {3};
  how.spin_limit = 100000;
  const auto flag = p.upload(std::vector<int>(1));
  check_clean(p.run("waits_for_ever", how, flag, 0));
  expect_fault(p.run("waits_for_ever", how, flag, 1), fault_kind::deadlock);
}

TEST_CASE("cp.async data are there after the wait only") {
  program p("faults");
  std::vector<float> values(128);
  for (std::size_t k = 0; k < 128; ++k) values[k] = float(k);
  const auto in = p.upload(values), out = p.allocate(512);
  check_clean(p.run("staged", {1}, {32}, in, out, 1));
  CHECK(p.download<float>(out, 128) == values);
  expect_fault(p.run("staged", {1}, {32}, in, out, 0), fault_kind::async_read);
  CHECK(p.download<float>(out, 128) != values);
}

TEST_CASE("cp.async groups are waited for in order") {
  program p("faults");
  const auto in = p.upload(std::vector<float>(64, 2.5f)), out = p.allocate(256);
  check_clean(p.run("two_stages", {1}, {32}, in, out, 1));
  CHECK(p.download<float>(out, 1)[0] == 2.5f);
  check_clean(p.run("two_stages", {1}, {32}, in, out, 0));
  CHECK(p.download<float>(out, 64)[63] == 2.5f);
  expect_fault(p.run("two_stages", {1}, {32}, in, out, 2), fault_kind::async_read);
}

TEST_CASE("cp.async with fewer source bytes fills with zeros and reads no more") {
  program p("faults");
  const auto in = p.upload(std::vector<char>(5, 7)), out = p.allocate(16);
  const auto r = p.run("short_copy", {1}, {1}, in, out, 5);
  check_clean(r);
  CHECK(p.download<char>(out, 16) == std::vector<char>{7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  expect_fault(p.run("short_copy", {1}, {1}, in, out, 6), fault_kind::out_of_bounds);
}

// SPDX-License-Identifier: Apache-2.0
// Races in shared memory, between blocks, and with cp.async. Each planted race beside its twin without.
#include "ptx_harness.hpp"

using namespace sim_test;
using sim::fault_kind;

TEST_CASE("a missing block barrier is a race") {
  program p("faults");
  const auto out = p.allocate(512);
  check_clean(p.run("neighbour", {1}, {128}, out, 1));
  // Thread 96 reads what thread 0 wrote; 32 would read what no one has written yet.
  const auto f = expect_fault(p, p.run("neighbour", {1}, {128}, out, 0), fault_kind::shared_race, "st.shared", 0, 32);
  CHECK(f.message.find("thread 0 read") != std::string::npos);
}

TEST_CASE("a missing warp barrier is a race, though lanes run in step") {
  program p("faults");
  const auto out = p.allocate(128);
  check_clean(p.run("neighbour_in_warp", {1}, {32}, out, 1));
  expect_fault(p, p.run("neighbour_in_warp", {1}, {32}, out, 0), fault_kind::shared_race, "ld.shared", 0, 0);
}

TEST_CASE("exchanges and fences order no memory") {
  program p("faults");
  const auto out = p.allocate(128);
  check_clean(p.run("neighbour_after", {1}, {32}, out, 0));
  for (int how = 1; how <= 6; ++how) {  // shfl, vote, match, redux, membar.cta, membar.gl
    CAPTURE(how);
    expect_fault(p, p.run("neighbour_after", {1}, {32}, out, how), fault_kind::shared_race, "ld.shared", 0, 0);
  }
  check_clean(p.run("neighbour_after_product", {1}, {32}, out, 1));
  expect_fault(p, p.run("neighbour_after_product", {1}, {32}, out, 0), fault_kind::shared_race, "ld.shared", 0, 0);
}

TEST_CASE("volatile loads are reads: they race with plain stores, and with nothing else") {
  program p("faults");
  const auto out = p.allocate(256);
  check_clean(p.run("volatile_readers", {1}, {64}, out, 0));
  expect_fault(p, p.run("volatile_readers", {1}, {64}, out, 1), fault_kind::shared_race, "st.shared", 0, 63);
  check_clean(p.run("volatile_flag", {1}, {64}, out, 0));
  expect_fault(p, p.run("volatile_flag", {1}, {64}, out, 1), fault_kind::shared_race, "st.shared", 0, 40);
}

TEST_CASE("a missing trailing barrier is a race: comparing values would not find it") {
  program p("faults");
  const auto out = p.allocate(3 * 128 * 4);
  check_clean(p.run("trailing", {1}, {128}, out, 1));
  expect_fault(p, p.run("trailing", {1}, {128}, out, 0), fault_kind::shared_race, "st.shared", 0, 0);
}

TEST_CASE("neighbouring bytes do not race, the same byte does") {
  program p("faults");
  const auto out = p.allocate(64);
  check_clean(p.run("bytes_apart", {1}, {64}, out, 0));
  expect_fault(p, p.run("bytes_apart", {1}, {64}, out, 1), fault_kind::shared_race, "st.shared", 0, 33);
}

TEST_CASE("atomics do not race with each other, but with plain stores") {
  program p("faults");
  const auto out = p.allocate(256);
  check_clean(p.run("shared_atomics", {1}, {64}, out));
  CHECK(p.download<int>(out, 1)[0] == 63 * 32);
  expect_fault(p, p.run("atomic_against_plain", {1}, {64}, out), fault_kind::shared_race, "st.shared", 0, 40);
}

TEST_CASE("named barriers order the warps that take part") {
  program p("faults");
  const auto out = p.allocate(4 * 128 * 4);
  check_clean(p.run("named_barrier", {1}, {128}, out, 0));
  CHECK(p.download<int>(out, 1)[0] == 32);
  expect_fault(p, p.run("named_barrier", {1}, {128}, out, 1), fault_kind::shared_race, "st.shared", 0, 32);
  check_clean(p.run("producer_consumer", {1}, {64}, out));
  for (int k = 0; k < 4; ++k) CHECK(p.download<int>(out, 128)[std::size_t(k) * 32 + 5] == k);
}

TEST_CASE("a warp that only arrives at a barrier learns nothing there") {
  program p("faults");
  const auto out = p.allocate(256);
  check_clean(p.run("reads_after_arrival", {1}, {64}, out, 1));
  expect_fault(p, p.run("reads_after_arrival", {1}, {64}, out, 0), fault_kind::shared_race, "ld.shared", 0, 32);
}

TEST_CASE("a barrier of some warps orders a store after the reads of those, not of others") {
  program p("faults");
  const auto out = p.allocate(384);
  check_clean(p.run("overwrites_readers", {1}, {128}, out, 3));
  const auto f =
      expect_fault(p, p.run("overwrites_readers", {1}, {128}, out, 2), fault_kind::shared_race, "st.shared", 0, 96);
  CHECK(f.message.find("a thread of warp 2 read") != std::string::npos);
}

TEST_CASE("blocks that write the same word race") {
  program p("faults");
  const auto out = p.allocate(4 * 64 * 4);
  check_clean(p.run("same_word", {4}, {64}, out, 1));
  sim::launch how{.grid = {4}, .block = {64}};
  how.threads = 1;
  const auto f = expect_fault(p, p.run("same_word", how, out, 0), fault_kind::global_race, "st.global", 1, 0);
  CHECK(f.message.find("block (0,0,0) wrote") != std::string::npos);
  check_clean(p.run("same_word", {1}, {64}, out, 0));
}

TEST_CASE("a block that reads what another writes races") {
  program p("faults");
  const auto data = p.upload(std::vector<int>(256)), out = p.allocate(1024);
  check_clean(p.run("read_other", {4}, {64}, data, out, 0));
  sim::launch how{.grid = {4}, .block = {64}};
  how.threads = 1;
  expect_fault(p, p.run("read_other", how, data, out, 1), fault_kind::global_race, "st.global", 1, 0);
}

TEST_CASE("of a warp's contiguous access the thread is named that races") {
  program p("faults");
  sim::launch how{.grid = {2}, .block = {32}};
  how.threads = 1;
  for (const int lane : {0, 5, 31}) {
    const auto data = p.upload(std::vector<int>(128, 1)), to = p.upload(std::vector<int>(128, 1));
    auto f = expect_fault(p, p.run("one_word_shared", how, data, lane), fault_kind::global_race, "st.global", 1, 0);
    CHECK(f.address == data + 4 * unsigned(lane));
    f = expect_fault(p, p.run("one_word_read", how, data, to, lane), fault_kind::global_race, "ld.global", 1,
                     unsigned(lane));
    CHECK(f.address == to + 4 * unsigned(lane));
  }
}

TEST_CASE("data pass between blocks by a release and an acquire of device scope, of which fences are halves") {
  program p("faults");
  const auto fresh = [&] { return p.upload(std::vector<int>(1)); };
  const auto out = p.allocate(64);
  const auto expect_race = [&](const sim::report& r) {
    expect_fault(p, r, fault_kind::global_race, "ld.global.u32", 1, 0);
  };
  sim::launch how{.grid = {2}, .block = {32}};
  check_clean(p.run("by_acquire", how, fresh(), fresh(), out));
  CHECK(p.download<int>(out, 2)[1] == 42);
  check_clean(p.run("by_fence", how, fresh(), fresh(), out, 1));
  expect_race(p.run("by_fence", how, fresh(), fresh(), out, 0));
  check_clean(p.run("by_volatile", how, fresh(), fresh(), out, 1));
  expect_race(p.run("by_volatile", how, fresh(), fresh(), out, 0));
  check_clean(p.run("by_block_scope", how, fresh(), fresh(), out, 1));
  // The flag of the block's own scope races as well.
  expect_race(p.run("by_block_scope", how, fresh(), fresh(), out, 0));
  check_clean(p.run("by_block_fence", how, fresh(), fresh(), out, 1));
  expect_race(p.run("by_block_fence", how, fresh(), fresh(), out, 0));
}

TEST_CASE("atomics of a block's scope and plain reads race with other blocks' atomics") {
  program p("faults");
  const auto fresh = [&] { return p.upload(std::vector<int>(1)); };
  sim::launch how{.grid = {2}, .block = {32}};
  how.threads = 1;
  check_clean(p.run("count_in_block_scope", how, fresh(), 1));
  expect_fault(p, p.run("count_in_block_scope", how, fresh(), 0), fault_kind::global_race, "atom.global.cta", 1, 0);
  check_clean(p.run("swap_loop", how, fresh(), 0));
  expect_fault(p, p.run("swap_loop", how, fresh(), 1), fault_kind::global_race, "ld.global", 1, 0);
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
  expect_fault(p, p.run("last_block", {20}, {32}, in, partial, counter, out, 0), fault_kind::global_race, "ld.global",
               19, 0);
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

TEST_CASE("a barrier of more blocks than the device holds is a deadlock") {
  program p("faults");
  const auto data = p.allocate(64 * 64 * 4), out = p.allocate(64 * 64 * 4);
  sim::launch how{.grid = {64}, .block = {64}};
  how.spin_limit = 200000;
  how.resident_blocks = 64;
  check_clean(p.run("grid_barrier", how, data, p.upload(std::vector<unsigned>(1)), out));
  how.resident_blocks = 63;
  const auto f =
      expect_fault(p.run("grid_barrier", how, data, p.upload(std::vector<unsigned>(1)), out), fault_kind::deadlock);
  CHECK(f.message.find("1 of 64 blocks wait for a place") != std::string::npos);
  CHECK(f.thread[0] == 0);
}

TEST_CASE("what relies on the order in which blocks begin is a deadlock in another order") {
  program p("faults");
  sim::launch how{.grid = {100}, .block = {32}};
  how.spin_limit = 200000;
  how.resident_blocks = 10;
  const auto run = [&] {
    const auto value = p.allocate(100 * 4), flag = p.upload(std::vector<int>(100));
    return p.run("chain", how, value, flag, 0);
  };
  check_clean(run());
  how.block_order = 1;
  expect_fault(run(), fault_kind::deadlock);
  how.resident_blocks = 100;  // all have a place: any order will do
  for (const unsigned order : {1u, 2u, 3u}) {
    how.block_order = order;
    check_clean(run());
  }
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
  const auto f = expect_fault(p.run("waits_for_ever", how, flag, 1), fault_kind::deadlock);
  CHECK(f.block[0] < 3);
  CHECK(f.thread[0] == 0);
  CHECK(p.line(f.line).find(f.instruction) != std::string::npos);
}

TEST_CASE("cp.async data are there after the wait only") {
  program p("faults");
  std::vector<float> values(128);
  for (std::size_t k = 0; k < 128; ++k) values[k] = float(k);
  const auto in = p.upload(values), out = p.allocate(512);
  check_clean(p.run("staged", {1}, {32}, in, out, 1));
  CHECK(p.download<float>(out, 128) == values);
  expect_fault(p, p.run("staged", {1}, {32}, in, out, 0), fault_kind::async_read, "ld.shared", 0, 0);
  CHECK(p.download<float>(out, 128) != values);
}

TEST_CASE("cp.async groups are waited for in order") {
  program p("faults");
  const auto in = p.upload(std::vector<float>(64, 2.5f)), out = p.allocate(256);
  check_clean(p.run("two_stages", {1}, {32}, in, out, 1));
  CHECK(p.download<float>(out, 1)[0] == 2.5f);
  check_clean(p.run("two_stages", {1}, {32}, in, out, 0));
  CHECK(p.download<float>(out, 64)[63] == 2.5f);
  expect_fault(p, p.run("two_stages", {1}, {32}, in, out, 2), fault_kind::async_read, "ld.shared", 0, 0);
}

TEST_CASE("cp.async with fewer source bytes fills with zeros and reads no more") {
  program p("faults");
  const auto in = p.upload(std::vector<char>(5, 7)), out = p.allocate(16);
  const auto r = p.run("short_copy", {1}, {1}, in, out, 5);
  check_clean(r);
  CHECK(p.download<char>(out, 16) == std::vector<char>{7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  // One request of one sector, though the bytes are checked one by one.
  CHECK(r.counts.loads.requests == 1);
  CHECK(r.counts.loads.sectors == 1);
  CHECK(r.counts.loads.requested_bytes == 5);
  CHECK(r.counts.loads.useful_bytes == 5);
  CHECK(r.counts.loads.distinct_bytes == 5);
  CHECK(r.counts.load_widths == std::array<std::uint64_t, 6>{0, 0, 0, 0, 1, 0});
  expect_fault(p, p.run("short_copy", {1}, {1}, in, out, 6), fault_kind::out_of_bounds, "cp.async", 0, 0);
}
